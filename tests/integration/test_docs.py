"""The documents are true: what they list is what there is, and what they say to type works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po

from launcher.app import create_app
from launcher.backup.errors import BackupError
from launcher.cli.exits import EXIT_CODES, MEANINGS
from launcher.config import ROOT, SETTINGS
from launcher.settings.table import SETTINGS as SITE_SETTINGS

DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
SCREENS = ROOT / "docs" / "screens"
IMPORTS = ROOT / "tests" / "support" / "imports"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\bflask ((?:[a-z]|--)(?:\\\n|[^|;#`)&>\n])*)")
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$|<img src=\"([^\"]+)\"", re.MULTILINE)

LABEL = re.compile(r"(?<!\*)\*([A-Z⋮][^*`]*?)\*(?!\*)")
"""What a page says, as documents write it: *Back up now*, *Administration → Backups*."""
OF_OTHERS = {"⋮", "Share", "Add to Home Screen", "Add to home screen", "Install", "Add to Dock"}
"""Labels of browsers."""

IN_SHELL = [
    "README.md", "docs/backups.md", "docs/health-checks.md", "docs/monitoring.md",
    "docs/off-site.md", "docs/scripts.md",
]  # fmt: skip
"""Documents whose blocks are run. That of the API has a test of its own, with a server."""
OTHER_TOOLS = ("make", "docker", "curl")
"""What a block begins with that needs more than a data directory."""
ASKING = [
    ("backup", "recover"), ("backup", "restore"), ("backup", "undo"), ("token", "revoke"),
]  # fmt: skip
"""Commands that ask before they act."""
_PATIENCE_S = 240  # a limit, for a busy machine


def every_error(base: type[BackupError] = BackupError) -> set[type[BackupError]]:
    return {base}.union(*(every_error(each) for each in base.__subclasses__()))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Return the anchors that a forge gives to the headings of a document."""
    text = FENCE.sub("", path.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def blocks(path: Path) -> list[str]:
    return [text for language, text in FENCE.findall(path.read_text()) if language == "sh"]


def messages() -> Iterator[str]:
    with (ROOT / "translations" / "messages.pot").open("rb") as file:
        yield from (str(each.id) for each in read_po(file))


def commands(path: Path) -> Iterator[str]:
    """Yield what is typed after `flask` in a document."""
    for found in COMMAND.findall(path.read_text()):
        yield found.replace("\\\n", " ").strip()


# What there is


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_the_reference_lists_each_variable_with_its_default(setting: object) -> None:
    row = re.search(rf"^\| `{setting.variable}` \| ([^|]*) \|", REFERENCE, re.MULTILINE)  # type: ignore[attr-defined]
    assert row
    default = setting.default  # type: ignore[attr-defined]
    if default and not default.startswith("/"):
        assert row[1] == f"`{default}`"


@pytest.mark.parametrize("code", sorted(MEANINGS))
def test_the_reference_lists_each_exit_code(code: int) -> None:
    assert re.search(rf"^\| {code} \| ", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("error", sorted(every_error(), key=lambda error: error.__name__))
def test_each_error_has_an_exit_code_and_the_reference_names_it(error: type[BackupError]) -> None:
    exit_code = EXIT_CODES[error.code]
    assert re.search(rf"^\| {exit_code} \| .*`{error.code}`", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_each_link_leads_somewhere(path: Path) -> None:
    dead = []
    found = LINK.findall(FENCE.sub("", path.read_text()))
    for link in (next(filter(None, each)) for each in found):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_each_picture_is_shown_somewhere() -> None:
    text = "".join(path.read_text() for path in DOCS)
    shown = set(re.findall(r"screens/([\w-]+\.png)", text))
    assert shown == {path.name for path in SCREENS.iterdir()}


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_each_command_and_each_option_exists(path: Path) -> None:
    root = create_app().cli
    for line in commands(path):
        command: click.Command = root
        words = shlex.split(line, comments=True) if line.count('"') % 2 == 0 else line.split()
        while words and isinstance(command, click.Group):
            child = command.get_command(None, words[0])  # type: ignore[arg-type]
            assert child or not re.fullmatch(r"[a-z][a-z-]+", words[0]), f"flask {line}"
            if child is None:
                break
            command = child
            del words[0]
        options = {name for each in command.params for name in [*each.opts, *each.secondary_opts]}
        given = {word for word in words if re.fullmatch(r"--[a-z][a-z-]*", word)} - {"--help"}
        if command is not root:
            assert given <= options, f"flask {line}"


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_each_setting_exists(path: Path) -> None:
    text = path.read_text()
    variables = {setting.variable for setting in SETTINGS}
    variables |= {f"{name}_FILE" for name in ("LAUNCHER_SECRET_KEY", "LAUNCHER_METRICS_TOKEN")}
    of_examples = {"LAUNCHER_URL", "LAUNCHER_TOKEN"}
    assert set(re.findall(r"\bLAUNCHER_[A-Z_]+[A-Z]\b", text)) <= variables | of_examples
    assert set(re.findall(r"settings (?:get|set) ([a-z_]+)", text)) <= set(SITE_SETTINGS)


def test_each_metric_that_a_document_names_exists() -> None:
    web = ROOT / "launcher" / "web"
    files = ("metrics.py", "copy_metrics.py", "checks/metrics.py")
    source = "".join((web / each).read_text() for each in files)
    for path in (ROOT / "docs" / "monitoring.md", ROOT / "CHANGELOG.md"):
        for name in re.findall(r"\blauncher_([a-z_]+)", path.read_text()):
            assert f'"{name}": ' in source, name


def test_each_label_of_a_page_that_a_document_names_exists() -> None:
    labels = set(messages()) | OF_OTHERS
    missing = {
        part
        for path in DOCS
        for label in LABEL.findall(FENCE.sub("", path.read_text()))
        for part in " ".join(label.split()).split(" → ")
        if part not in labels
    }
    assert missing == set()


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_each_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = path.read_text()
    typed = re.findall(r"`make ([a-z]+)", text) + re.findall(r"^make ([a-z]+)", text, re.MULTILINE)
    assert set(typed) <= targets


def test_no_host_but_our_own_examples_is_named_in_the_lock_files() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / name).read_text()


# What is typed


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_no_block_to_paste_deletes_data(path: Path) -> None:
    for block in blocks(path):
        assert not re.search(r"\brm\b|\bdown\b|\bdelete\b|\bprune\b|--force|--yes", block), block


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with sample content, to be copied."""
    path = tmp_path_factory.mktemp("sample") / "data"
    for words in (["database", "upgrade"], ["demo"]):
        run(path, words)
    return path


def run(data_dir: Path, words: list[str], said: str | None = None) -> None:
    """Do what `flask …` does in a shell: in an application without pages."""
    shell = create_app({"LAUNCHER_DATA_DIR": str(data_dir)}, has_pages=False).test_cli_runner()
    done = shell.invoke(args=words, input=said)
    assert done.exit_code == 0, f"{words}\n{done.output}"


@pytest.fixture
def home(sample: Path, data_dir: Path) -> Path:
    """A folder with sample content in `data`, and with files to import."""
    shutil.copytree(sample, data_dir)
    for name, copy in [
        ("bookmarks.html", "bookmarks.html"),
        ("services.yaml", "services.yaml"),
        ("dashy.yml", "conf.yml"),
    ]:
        shutil.copy(IMPORTS / name, data_dir.parent / copy)
    return data_dir.parent


@pytest.fixture
def mnt(data_dir: Path) -> Iterator[Path]:
    """A folder for what the documents call /mnt, on another disk than the data."""
    own = data_dir.parent.stat().st_dev
    others = [Path(tempfile.gettempdir()), Path("/dev/shm"), ROOT]
    other = next((each for each in others if each.is_dir() and each.stat().st_dev != own), None)
    if other is None:
        pytest.skip("this machine has one disk")
    with tempfile.TemporaryDirectory(dir=other, prefix="launcher-mnt-") as folder:
        for disk in ("usb", "disk2", "disk3"):
            (Path(folder) / disk / "lost+found").mkdir(parents=True)  # so it is mounted
        yield Path(folder)


@pytest.mark.parametrize("name", IN_SHELL)
def test_what_a_document_says_to_type_works(
    name: str, home: Path, mnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    own = [block for block in blocks(ROOT / name) if not block.startswith(OTHER_TOOLS)]
    lines = [line for block in own for line in block.replace("\\\n", " ").splitlines()]
    assert [line for line in lines if type_in(line, home / "data", mnt)]


def type_in(line: str, data_dir: Path, mnt: Path) -> bool:
    """Do what a line says, as a person at a terminal who confirms; False if it was left out."""
    found = re.fullmatch(r'(?:echo "(?P<said>[^"]*)" \| |\w+=\$\()?flask (?P<words>.*?)\)?', line)
    if found is None:
        (tool, *_) = line.split()
        if tool in (".", "curl") or not shutil.which(tool):
            return False
        subprocess.run(["sh", "-eu", "-c", line], check=True, timeout=_PATIENCE_S)
        return True
    words = [
        each.replace("/mnt/", f"{mnt}/") for each in shlex.split(found["words"], comments=True)
    ]
    if tuple(words[:2]) in ASKING and "--dry-run" not in words:
        words.append("--yes")
    run(data_dir, words, found["said"])
    return True


def test_the_first_block_of_the_readme_and_each_other_make_line_can_run() -> None:
    lines = [
        line
        for block in blocks(ROOT / "README.md")
        for line in block.splitlines()
        if line.startswith("make")
    ]
    assert lines[0] == "make demo && make run"
    for line in lines:
        dry = subprocess.run(
            ["sh", "-eu", "-c", line.replace("make ", "make --dry-run ")],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=_PATIENCE_S,
        )  # fmt: skip
        assert dry.returncode == 0, dry.stderr
