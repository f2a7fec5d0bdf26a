"""Tests of manifests.py, with generated sums, and of notes.py: `python3 packaging/test_packaging.py`."""

import contextlib
import hashlib
import io
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import manifests
import notes

PAGE = "https://forge.example/framescope/framescope"
TARGETS = [*manifests.BREW.values(), manifests.WINDOWS]


def sums(version="1.2.3", without=None):
    lines = []
    for target in TARGETS:
        name = f"framescope-v{version}-{target}.{'zip' if 'windows' in target else 'tar.gz'}"
        if target != without:
            lines.append(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}")
    return "\n".join(lines) + "\n"


class Manifests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_with(self, text, version="1.2.3", page=PAGE):
        path = self.folder / "SHA256SUMS"
        path.write_text(text)
        said, output = io.StringIO(), self.folder / "out"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            status = manifests.main(
                ["--version", version, "--repository", page, "--sums", str(path), "--output", str(output)]
            )
        return status, said.getvalue(), output

    def test_each_archive_stands_with_its_own_sum(self):
        status, _, output = self.run_with(sums())
        self.assertEqual(status, 0)
        formula = (output / "homebrew/framescope.rb").read_text()
        installer = (output / "winget/Framescope.Framescope.installer.yaml").read_text()
        for line in sums().splitlines():
            digest, name = line.split("  ")
            url = f"{PAGE}/releases/download/v1.2.3/{name}"
            if name.endswith(".zip"):
                self.assertIn(f"  InstallerUrl: {url}\n  InstallerSha256: {digest.upper()}\n", installer)
            else:
                self.assertIn(f'url "{url}"\n      sha256 "{digest}"\n', formula)

    def test_the_formula_describes_itself_as_homebrew_wants(self):
        _, _, output = self.run_with(sums())
        line = next(line for line in (output / "homebrew/framescope.rb").read_text().splitlines() if "desc" in line)
        about = line.split('"')[1]
        self.assertLessEqual(len(about), 80)
        self.assertFalse(about.endswith("."))

    @unittest.skipUnless(shutil.which("ruby"), "ruby is not installed: the formula's syntax is not checked")
    def test_ruby_takes_the_formula(self):
        _, _, output = self.run_with(sums())
        subprocess.run(["ruby", "-wc", output / "homebrew/framescope.rb"], check=True, capture_output=True)

    def test_a_missing_archive_writes_nothing(self):
        for target in TARGETS:
            status, said, output = self.run_with(sums(without=target))
            self.assertEqual(status, 2, target)
            self.assertIn(f"the sums lack framescope-v1.2.3-{target}", said)
            self.assertFalse(output.exists(), target)

    def test_sums_of_another_version_are_refused(self):
        status, said, _ = self.run_with(sums(version="1.2.2"))
        self.assertEqual((status, "the sums lack framescope-v1.2.3" in said), (2, True))

    def test_what_is_no_sum_is_named_with_its_line(self):
        status, said, _ = self.run_with(sums() + "not a sum\n")
        self.assertEqual((status, "line 6 of the sums" in said), (2, True))
        name = f"framescope-v1.2.3-{manifests.WINDOWS}.zip"
        status, said, _ = self.run_with(sums() + f"{'0' * 64}  {name}\n")
        self.assertEqual((status, "a second, different sum" in said), (2, True))

    def test_a_version_or_address_that_would_break_the_files_is_refused(self):
        self.assertEqual(self.run_with(sums(), version="v1.2.3")[0], 2)
        self.assertEqual(self.run_with(sums(), version='1.2.3"\n')[0], 2)
        self.assertEqual(self.run_with(sums(), page='https://forge.example/"#{evil}')[0], 2)
        self.assertEqual(self.run_with(sums(), page="http://forge.example/x")[0], 2)


class Notes(unittest.TestCase):
    CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- b\n\n## [0.1.0] - 2026-11-01\n\n- a\n"

    def test_the_notes_of_a_version_end_where_the_one_before_begins(self):
        self.assertEqual(notes.notes(self.CHANGELOG, "0.2.0"), "### Added\n\n- b\n")
        self.assertEqual(notes.notes(self.CHANGELOG, "0.1.0"), "- a\n")

    def test_a_version_without_notes_has_none(self):
        self.assertIsNone(notes.notes(self.CHANGELOG, "0.2"))
        self.assertIsNone(notes.notes(self.CHANGELOG, "0.3.0"))


if __name__ == "__main__":
    unittest.main()
