"""Writes the Homebrew formula and the winget manifests of a release, from its version and its SHA-256 sums.

    python3 packaging/manifests.py --version 0.1.0 --repository URL --sums SHA256SUMS --output DIR

URL is the project's page; archives are downloaded from URL/releases/download/vVERSION. SHA256SUMS is what `sha256sum` printed of the
release's files. An archive that a manifest needs and the sums lack is an error: nothing is written.
"""

import argparse
import pathlib
import re
import sys

# Homebrew takes 80 characters without an article or a full stop.
BRIEF = "Inspects the messages in a packet capture"
ABOUT = f"{BRIEF}, field by field: a window and a command line"
WINGET_VERSION = "1.6.0"
# Archive names end with these; the release workflow makes them.
BREW = {
    ("macos", "arm"): "aarch64-apple-darwin",
    ("macos", "intel"): "x86_64-apple-darwin",
    ("linux", "arm"): "aarch64-unknown-linux-gnu",
    ("linux", "intel"): "x86_64-unknown-linux-gnu",
}
WINDOWS = "x86_64-pc-windows-msvc"


class ManifestError(Exception):
    """What keeps the manifests from being written, and what to do."""


def read_sums(text):
    """The sums of `sha256sum`'s output, by file name."""
    sums = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](\S+)", line)
        if match is None:
            raise ManifestError(f"line {number} of the sums is not a line of sha256sum: {line!r}")
        digest, name = match.groups()
        name = name.rsplit("/", 1)[-1]
        if sums.setdefault(name, digest) != digest:
            raise ManifestError(f"line {number} of the sums gives {name} a second, different sum")
    return sums


class Release:
    def __init__(self, version, repository, sums):
        if re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", version) is None:
            raise ManifestError(f"{version!r} is not a version such as 0.1.0")
        if re.fullmatch(r"https://[^\s\"'\\#]+", repository) is None:
            raise ManifestError(f"{repository!r} is not an https address")
        self.version, self.repository, self.sums = version, repository.rstrip("/"), sums

    def archive(self, target):
        """The address and the sum of the archive for a target."""
        name = f"framescope-v{self.version}-{target}.{'zip' if 'windows' in target else 'tar.gz'}"
        if name not in self.sums:
            raise ManifestError(f"the sums lack {name}; was it built and uploaded?")
        return f"{self.repository}/releases/download/v{self.version}/{name}", self.sums[name]


def formula(release):
    """Homebrew's formula, for a tap: it installs the archives as they are."""
    lines = [
        "# Written by packaging/manifests.py for each release.",
        "class Framescope < Formula",
        f'  desc "{BRIEF}"',
        f'  homepage "{release.repository}"',
        f'  version "{release.version}"',
        '  license any_of: ["MIT", "Apache-2.0"]',
    ]
    for system in ("macos", "linux"):
        lines += ["", f"  on_{system} do"]
        for processor in ("arm", "intel"):
            url, digest = release.archive(BREW[system, processor])
            lines += [f"    on_{processor} do", f'      url "{url}"', f'      sha256 "{digest}"', "    end"]
        lines += ["  end"]
    lines += [
        "",
        "  def install",
        '    bin.install "framescope"',
        '    man1.install Dir["man/*.1"]',
        '    bash_completion.install "completions/framescope.bash" => "framescope"',
        '    zsh_completion.install "completions/_framescope"',
        '    fish_completion.install "completions/framescope.fish"',
        "  end",
        "",
        "  test do",
        '    assert_match version.to_s, shell_output("#{bin}/framescope --version")',
        '    (testpath/"greeting.bin").write "hello"',
        '    assert_match "hello", shell_output("#{bin}/framescope decode --as file=text greeting.bin")',
        "  end",
        "end",
    ]
    return "\n".join(lines) + "\n"


def winget(release):
    """The three manifests that winget wants, by file name."""
    url, digest = release.archive(WINDOWS)
    folder = f"framescope-v{release.version}-{WINDOWS}"

    def manifest(kind, body):
        return (
            "# Written by packaging/manifests.py for each release.\n"
            f"# yaml-language-server: $schema=https://aka.ms/winget-manifest.{kind}.{WINGET_VERSION}.schema.json\n"
            "PackageIdentifier: Framescope.Framescope\n"
            f"PackageVersion: {release.version}\n"
            f"{body}ManifestType: {kind}\nManifestVersion: {WINGET_VERSION}\n"
        )

    return {
        "Framescope.Framescope.yaml": manifest("version", "DefaultLocale: en-US\n"),
        "Framescope.Framescope.installer.yaml": manifest(
            "installer",
            "InstallerType: zip\n"
            "NestedInstallerType: portable\n"
            "NestedInstallerFiles:\n"
            f"- RelativeFilePath: {folder}\\framescope.exe\n"
            "  PortableCommandAlias: framescope\n"
            "Commands:\n- framescope\n"
            "FileExtensions:\n- pcap\n- pcapng\n- ksy\n"
            "Installers:\n"
            "- Architecture: x64\n"
            f"  InstallerUrl: {url}\n"
            f"  InstallerSha256: {digest.upper()}\n",
        ),
        "Framescope.Framescope.locale.en-US.yaml": manifest(
            "defaultLocale",
            "PackageLocale: en-US\n"
            "Publisher: The Framescope developers\n"
            f"PublisherUrl: {release.repository}\n"
            "PackageName: Framescope\n"
            f"PackageUrl: {release.repository}\n"
            "License: MIT OR Apache-2.0\n"
            f"LicenseUrl: {release.repository}/blob/v{release.version}/LICENSE-MIT\n"
            f'ShortDescription: "{ABOUT}"\n'
            "Moniker: framescope\n"
            "Tags:\n- kaitai-struct\n- packet-capture\n- pcap\n- protocol\n- tcp\n"
            f"ReleaseNotesUrl: {release.repository}/releases/tag/v{release.version}\n",
        ),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", required=True, help="such as 0.1.0, without the tag's v")
    parser.add_argument("--repository", required=True, metavar="URL", help="the project's page")
    parser.add_argument("--sums", required=True, type=pathlib.Path, help="what sha256sum printed of the release's files")
    parser.add_argument("--output", required=True, type=pathlib.Path, metavar="DIR")
    given = parser.parse_args(arguments)
    try:
        release = Release(given.version, given.repository, read_sums(given.sums.read_text()))
        files = {"homebrew/framescope.rb": formula(release)}
        files |= {f"winget/{name}": text for name, text in winget(release).items()}
    except (ManifestError, OSError) as error:
        print(f"manifests.py: {error}", file=sys.stderr)
        return 2
    for name, text in files.items():
        path = given.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="\n")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
