"""Foreign model folders (models/Lora, models/ESRGAN …) as further places of ComfyUI's own, without touching a model."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, List, NamedTuple, Tuple

from ..errors import StepError
from ..nodes import params, yamlblock
from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="configure_links",
    title="Configure links",
    description="Makes the model folders of other programs work in ComfyUI, through extra_model_paths.yaml. No"
    " folder is moved, replaced or removed.",
    limit_s=30.0,
    params=(
        params.PATH,
        params.PYTHON,
        Param(
            "links",
            "list",
            "Folders",
            default=["Lora=loras", "ESRGAN=upscale_models"],
            help="FOLDER=TYPE, the folder below models/, the type as ComfyUI names it. Known folders of other programs"
            " that exist are added by themselves.",
        ),
    ),
    undo="remove the lines from `# BEGIN VastDesk` to `# END VastDesk` of extra_model_paths.yaml",
    example={},
)

# The names of A1111 and Forge, and what ComfyUI calls the same thing.
KNOWN = (
    ("Stable-diffusion", "checkpoints"),
    ("Lora", "loras"),
    ("LyCORIS", "loras"),
    ("ESRGAN", "upscale_models"),
    ("RealESRGAN", "upscale_models"),
    ("SwinIR", "upscale_models"),
    ("VAE", "vae"),
    ("ControlNet", "controlnet"),
    ("text_encoder", "text_encoders"),
)
_TYPE = re.compile(r"[A-Za-z0-9_]{1,60}")
_CHECK = "import sys, yaml; yaml.safe_load(open(sys.argv[1], encoding='utf-8'))"


class Link(NamedTuple):
    folder: str
    kind: str


def run(ctx: Context) -> str:
    from ..nodes import places

    given = [_parse(text) for text in ctx.params["links"]]
    ctx.plan([{"id": "find", "label": "Find model folders"}])
    with ctx.task("find") as task:
        comfy = places.comfyui(ctx)
        models = os.path.join(comfy, "models")
        links = _all(given, models)
        ctx.plan(
            [{"id": _id(link), "label": "models/%s → %s" % link} for link in links]
            + [{"id": "check", "label": "Check extra_model_paths.yaml"}]
        )
        task.succeeded("%d folders" % len(links))
    path = os.path.join(comfy, "extra_model_paths.yaml")
    before = _read(path)
    folders = [(link.folder, link.kind) for link in links if not _same(models, link)]
    after = yamlblock.with_block(before, yamlblock.block(models, folders))
    new = [link for link in links if _prepare(ctx, models, link, yamlblock.block(models, folders) in before)]
    if after != before:
        _write(path, after)
    with ctx.task("check") as task:
        _check(ctx, comfy, path, before, after)
        task.succeeded("already so" if after == before else "written")
    if not new and after == before:
        return "All %d model folders are already linked" % len(links)
    return "%d model folders linked in extra_model_paths.yaml" % len(links)


def _parse(text: str) -> Link:
    folder, separator, kind = (part.strip() for part in text.partition("="))
    parts = folder.split("/")
    if not separator or not _TYPE.fullmatch(kind) or folder.startswith("/") or "" in parts or ".." in parts:
        raise StepError("bad_params", problem="links: %r is not FOLDER=TYPE, like Lora=loras" % text)
    return Link(folder, kind)


def _all(given: List[Link], models: str) -> List[Link]:
    """The configured ones, and the known ones that exist. A name that differs only by case from ComfyUI's own is not
    foreign on a file system that ignores case."""
    found = [Link(folder, kind) for folder, kind in KNOWN if os.path.isdir(os.path.join(models, folder))]
    return list(dict.fromkeys(given + found))


def _same(models: str, link: Link) -> bool:
    """Already one folder, through a link somebody made."""
    ours, theirs = os.path.join(models, link.folder), os.path.join(models, link.kind)
    return os.path.exists(ours) and os.path.realpath(ours) == os.path.realpath(theirs)


def _prepare(ctx: Context, models: str, link: Link, was_written: bool) -> bool:
    """Make the folder if it is not there, so that downloads find it. True if something is new."""
    folder = os.path.join(models, link.folder)
    with ctx.task(_id(link)) as task:
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise StepError("not_written", path=folder, detail="a file (or a link to nothing) is in the way")
        there = os.path.isdir(folder)
        if not there:
            os.makedirs(folder)
        if _same(models, link):
            task.skipped("already the same folder")
        elif there and was_written:
            task.skipped("already linked")
        else:
            task.succeeded("%s also looks in models/%s" % (link.kind, link.folder))
            return True
    return False


def _id(link: Link) -> str:
    return "link:%s=%s" % link


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _write(path: str, text: str) -> None:
    path = os.path.realpath(path)
    temporary = path + ".vastdesk"
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        if os.path.exists(path):
            os.fchmod(file.fileno(), os.stat(path).st_mode & 0o7777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _check(ctx: Context, comfy: str, path: str, before: str, after: str) -> None:
    """Read it back: as text, and as YAML with ComfyUI's Python, which has PyYAML. What does not parse is put back."""
    if _read(path) != after:
        raise StepError("not_written", path=path, detail="it was changed in the meantime")
    problem = _yaml_problem(ctx, comfy, path)
    if problem and after != before:
        if before:
            _write(path, before)
        else:
            os.unlink(path)
    if problem:
        raise StepError("bad_yaml", path=path, detail=problem)


def _yaml_problem(ctx: Context, comfy: str, path: str) -> str:
    from ..nodes import places

    try:
        interpreter: Tuple[str, ...] = (places.python(ctx, comfy).path,)
    except StepError:
        return ""  # there is nothing to ask; the text itself was read back
    result = ctx.run([*interpreter, "-c", _CHECK, path], timeout_s=20, quiet=True)
    if result.ok or not result.tail or "No module named" in result.tail[-1]:
        return ""
    where = [line.strip() for line in result.tail if re.search(r"line \d+", line) and "File " not in line]
    return "; ".join([result.tail[-1].strip(), *where])[:300]
