"""Tests of what Linux packages install, and of the archives' names: `python3 packaging/test_linux.py`."""

import pathlib
import re
import tomllib
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).parent.parent
LINUX = ROOT / "packaging/linux"
METADATA = tomllib.loads((ROOT / "cli/Cargo.toml").read_text())["package"]["metadata"]
SIZES = [16, 32, 48, 64, 128, 256, 512]


def desktop():
    lines = (LINUX / "framescope.desktop").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


class Linux(unittest.TestCase):
    def test_the_desktop_entry_and_the_metadata_open_the_same_types_which_are_declared(self):
        space = "{http://www.freedesktop.org/standards/shared-mime-info}"
        declared = {entry.get("type") for entry in xml.parse(LINUX / "framescope.xml").iter(f"{space}mime-type")}
        opened = set(desktop()["MimeType"].strip(";").split(";"))
        metadata = xml.parse(LINUX / "org.framescope.Framescope.metainfo.xml")
        provided = {entry.text for entry in metadata.iter("mediatype")}
        self.assertEqual((opened, provided), (declared, declared))

    def test_the_window_is_the_one_that_the_desktop_entry_starts(self):
        window = (ROOT / "inspector-gui/src/window.rs").read_text()
        app_id = re.search(r'with_app_id\("([^"]*)"\)', window).group(1)
        self.assertEqual([desktop()[key] for key in ("Icon", "StartupWMClass")], [app_id, app_id])

    def test_the_package_has_every_file_that_is_made_for_it(self):
        installed = {ROOT / "cli" / source: target for source, target, _ in METADATA["deb"]["assets"]}
        sources = {source.resolve() for source in installed}
        for path in [*LINUX.iterdir(), *(ROOT / "inspector-gui/icons").iterdir()]:
            self.assertIn(path.resolve(), sources)
        for source in installed:
            generated = "extras" in source.parts or "target" in source.parts
            self.assertTrue(generated or list(source.parent.glob(source.name)), source)

    def test_icons_have_the_size_of_their_folder(self):
        targets = [target for source, target, _ in METADATA["deb"]["assets"] if source.endswith(".png")]
        self.assertEqual(len(targets), len(SIZES))
        for size in SIZES:
            self.assertIn(f"usr/share/icons/hicolor/{size}x{size}/apps/framescope.png", targets)
            header = (ROOT / f"inspector-gui/icons/framescope-{size}.png").read_bytes()[:24]
            self.assertEqual((header[16:20], header[20:24]), (size.to_bytes(4, "big"),) * 2)

    def test_binstall_finds_the_archives_that_are_packed(self):
        script = (ROOT / "packaging/archive.sh").read_text()
        folder = re.search(r"^name=(\S+)$", script, re.MULTILINE).group(1)
        self.assertEqual(folder, "framescope-v$version-$target")
        expected = "framescope-v{ version }-{ target }"
        binstall = METADATA["binstall"]
        windows = binstall["overrides"]["x86_64-pc-windows-msvc"]
        self.assertTrue(binstall["bin-dir"].startswith(f"{expected}/"))
        self.assertTrue(binstall["pkg-url"].endswith(f"/v{{ version }}/{expected}.tar.gz"))
        self.assertTrue(windows["pkg-url"].endswith(f"/v{{ version }}/{expected}.zip"))


if __name__ == "__main__":
    unittest.main()
