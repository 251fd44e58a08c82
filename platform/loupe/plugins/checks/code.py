"""Whether ``"package.module:attribute"`` names code, told without running the module."""

import ast
from importlib.util import find_spec
from pathlib import Path


def why_not_code(target: str) -> str | None:
    """Why `target` names no code, as the end of a sentence; None when it does.

    The module is found and its source read; only its parent packages are imported, so that a
    numerical framework stays out of the process that asks.
    """
    module, _, attribute = target.partition(":")
    if not module or not attribute.isidentifier():
        return "is not of the form 'package.module:attribute'"
    try:
        spec = find_spec(module)
    except ModuleNotFoundError as error:
        return f"names a module whose package {error.name!r} does not exist"
    if spec is None:
        return f"names the module {module!r}, which does not exist"
    if spec.origin is None or not spec.origin.endswith(".py"):
        return None  # compiled or generated: only an import could tell
    if attribute not in _names_of(Path(spec.origin)):
        return f"names {attribute!r}, which {module} does not define"
    return None


def _names_of(source: Path) -> set[str]:
    """The names a module's top level defines, imports or assigns."""
    names: set[str] = set()
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names |= {(name.asname or name.name).partition(".")[0] for name in node.names}
            case ast.Assign():
                names |= {each.id for each in node.targets if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name() as name):
                names.add(name.id)
    return names
