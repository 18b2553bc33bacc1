"""Rules for the product's own source that no bought tool knows; each is shown to notice what it is there for.

A rule is a function from a source to the lines that break it. What is let through is named here, with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from flask_admin import BaseView

from admin_views.base import ScopedModelView
from admin_views.msp_page import MspPageView
from admin_views.pages import MspIndexView
from admin_views.portal.base import PortalGate
from tests.test_architecture import PRODUCT, ROOT

pytestmark = pytest.mark.one_engine

Rule = Callable[[ast.AST], Iterator[int]]

#: Rule → modules that it lets through, and why.
LET_THROUGH: dict[str, dict[str, str]] = {
    "markup": {"services/mail_html.py": "every part of the text has been escaped there"},
    "built_sql": {
        "models/base.py": "numbers of ours, in statements that take no parameters",
        "services/database_roles.py": "roles and tables by the names that the database gives, quoted by it",
        "services/demo_bulk.py": "demo data: names of our own tables",
        "services/demo_loading.py": "demo data: triggers of our own, as the database names them",
        "services/invariants.py": "queries of our own, put together at the start",
    },
    "other_hosts": {
        "services/mail_transports.py": "mail",
        "launcher/readiness.py": "asks its own web server whether it answers",
    },
    "random_numbers": {
        "services/demo_plan.py": "demo data, wanted the same each time",
    },
    "reads_cookies": {
        "admin_views/request_context.py": "the language",
        "admin_views/pages.py": "the language",
        "admin_views/sign_in.py": "the mark of a known browser",
    },
}
_RUNNING_TEXT = {"eval", "exec", "compile", "__import__", "execfile"}
_UNPACKING = {"pickle", "cPickle", "dill", "marshal", "shelve", "jsonpickle", "yaml"}
_NETWORK = {
    "urllib.request",
    "http.client",
    "requests",
    "httpx",
    "aiohttp",
    "urllib3",
    "ftplib",
    "telnetlib",
    "smtplib",
}


@cache
def parsed(path: Path) -> ast.AST:
    """Return a module of the product, read once for all rules."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def calls(tree: ast.AST) -> list[tuple[ast.Call, str]]:
    """Return every call with the dotted name of what is called."""
    return [(node, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def dotted(node: ast.AST) -> str:
    """Return a.b.c for names and attributes; of anything else only the end is known."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else "?"


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def runs_text(tree: ast.AST) -> Iterator[int]:
    """Text that is run as a program, and commands that a shell reads."""
    for call, name in calls(tree):
        is_shell = any(key.arg == "shell" and ast.unparse(key.value) != "False" for key in call.keywords)
        if name in _RUNNING_TEXT or name in ("os.system", "os.popen", "subprocess.getoutput") or is_shell:
            yield call.lineno


def unpacks(tree: ast.AST) -> Iterator[int]:
    """Readers of data that make objects of whatever is in it."""
    yield from (line for line, name in imports(tree) if name.split(".")[0] in _UNPACKING)


def markup(tree: ast.AST) -> Iterator[int]:
    """Text that is declared safe, and templates that are made while the portal runs."""
    for call, name in calls(tree):
        if name.split(".")[-1] in ("Markup", "HTMLString", "render_template_string", "from_string"):
            yield call.lineno


def built_sql(tree: ast.AST) -> Iterator[int]:
    """SQL that is put together: text(...) and bare statements of anything but a constant or a named one."""
    constants = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call, name in calls(tree):
        if name in ("text", "sa.text", "sqlalchemy.text") or name.endswith((".exec_driver_sql", ".execute")):
            statement = call.args[0] if call.args else None
            is_bare = name.endswith(("text", ".exec_driver_sql"))
            is_built = isinstance(statement, ast.JoinedStr | ast.BinOp) or (
                isinstance(statement, ast.Call) and ast.unparse(statement.func).endswith(".format")
            )
            is_unknown = is_bare and not (
                isinstance(statement, ast.Constant)
                or (isinstance(statement, ast.Name) and statement.id in constants)
                or (isinstance(statement, ast.IfExp) and _is_constant(statement))
            )
            if is_built or is_unknown:
                yield call.lineno


def _is_constant(choice: ast.IfExp) -> bool:
    return isinstance(choice.body, ast.Constant) and isinstance(choice.orelse, ast.Constant)


def other_hosts(tree: ast.AST) -> Iterator[int]:
    """Whatever could ask another host: the portal asks its database, its queue and the mail server only."""
    yield from (line for line, name in imports(tree) if name in _NETWORK)


def unchecked_peers(tree: ast.AST) -> Iterator[int]:
    """TLS that does not look whom it talks to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            is_off = node.arg in ("verify", "check_hostname") and ast.unparse(node.value) == "False"
        elif isinstance(node, ast.Assign):
            is_off = "check_hostname" in ast.unparse(node.targets[0])
        else:
            is_off = isinstance(node, ast.Attribute) and node.attr in (
                "_create_unverified_context",
                "CERT_NONE",
            )
        if is_off:
            yield getattr(node, "lineno", 0)


def random_numbers(tree: ast.AST) -> Iterator[int]:
    """Numbers that somebody could guess: secrets come from `secrets`."""
    yield from (line for line, name in imports(tree) if name.split(".")[0] in ("random", "uuid.uuid1"))


def weak_hashes(tree: ast.AST) -> Iterator[int]:
    """Hashes of which two texts can be found that have the same one."""
    for call, name in calls(tree):
        if name.split(".")[-1] in ("md5", "sha1") or (
            name.endswith("hashlib.new") and "sha" not in ast.unparse(call)
        ):
            yield call.lineno


def raw_numbers(tree: ast.AST) -> Iterator[int]:
    """int() and its kin on what a request says: they take signs, blanks, underscores and any script's digits."""
    for call, name in calls(tree):
        if name in (
            "int",
            "float",
            "dt.date.fromisoformat",
            "dt.datetime.fromisoformat",
            "json.loads",
        ) and any("request." in ast.unparse(argument) for argument in call.args):
            yield call.lineno


def typed_lookups(tree: ast.AST) -> Iterator[int]:
    """request.args.get(..., type=int): the same by another name."""
    for call, name in calls(tree):
        if re.fullmatch(r"(flask\.)?request\.(args|form|values)\.get(list)?", name) and any(
            key.arg == "type" for key in call.keywords
        ):
            yield call.lineno


def raw_redirects(tree: ast.AST) -> Iterator[int]:
    """Redirects to where a request says, without `return_path`."""
    for call, name in calls(tree):
        if name.split(".")[-1] in ("redirect", "json_redirect") and call.args:
            target = ast.unparse(call.args[0])
            if re.search(r"request\.(args|form|values|headers|referrer|url|full_path)", target):
                yield call.lineno


def reads_cookies(tree: ast.AST) -> Iterator[int]:
    """Cookies are read where their names are kept."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) == "request.cookies":
            yield node.lineno


def debugging(tree: ast.AST) -> Iterator[int]:
    """A debugger, or Flask's own server."""
    for call, name in calls(tree):
        has_debug = any(key.arg == "debug" and ast.unparse(key.value) != "False" for key in call.keywords)
        if name in ("breakpoint", "pdb.set_trace", "app.run", "application.run") or has_debug:
            yield call.lineno


#: Rule → a source that breaks it in each of its lines.
RULES: dict[Rule, str] = {
    runs_text: 'eval(x)\nexec(x)\nos.system(x)\nsubprocess.run(x, shell=True)\n__import__("os")',
    unpacks: "import pickle\nfrom yaml import load\nfrom marshal import loads\nimport shelve",
    markup: 'Markup(x)\nmarkupsafe.Markup("<b>")\nrender_template_string(x)\nenvironment.from_string(x)',
    built_sql: (
        'text(f"SELECT {x}")\ntext("SELECT " + x)\ntext("SELECT {}".format(x))\ntext(x)\n'
        'connection.exec_driver_sql("DELETE FROM " + t)\nsession.execute(f"SELECT {x}")\n'
        'session.execute("SELECT %s" % x)'
    ),
    other_hosts: (
        "import requests\nfrom urllib.request import urlopen\nfrom urllib import request\nimport http.client"
    ),
    unchecked_peers: "get(x, verify=False)\ncontext.check_hostname = False\nssl._create_unverified_context()",
    random_numbers: "import random\nfrom random import choice",
    weak_hashes: 'hashlib.md5(x)\nhashlib.sha1(x)\nhashlib.new("md5", x)',
    raw_numbers: 'int(request.args["page"])\nfloat(request.form.get("x", "0"))\njson.loads(request.values["x"])',
    typed_lookups: 'request.args.get("page", type=int)\nrequest.form.getlist("x", type=int)',
    raw_redirects: (
        'redirect(request.args["next"])\nredirect(request.referrer or "/")\njson_redirect(request.form["to"])'
    ),
    reads_cookies: 'request.cookies["x"]\nrequest.cookies.get("x")',
    debugging: "breakpoint()\nFlask(debug=True)\napp.run()",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_notices_what_it_is_there_for(rule: Rule) -> None:
    source = RULES[rule]
    broken = set(rule(ast.parse(source)))
    assert broken == set(range(1, len(source.splitlines()) + 1))


def test_a_rule_leaves_alone_what_is_right() -> None:
    right = (
        '_ROOM = "SELECT 1"\nsession.execute(text(_ROOM))\ntext("SELECT 1")\nsession.execute(select(x))\n'
        "import json\nimport secrets\nfrom urllib.parse import urlencode\nredirect(return_path() or '/')\n"
        "subprocess.run(command, check=True)\nhashlib.sha256(x)\nparse_row_id(request.args.get('id', ''))\n"
    )
    assert [list(rule(ast.parse(right))) for rule in RULES] == [[]] * len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps_the_rule(rule: Rule) -> None:
    let_through = LET_THROUGH.get(rule.__name__, {})
    found = {
        str(path.relative_to(ROOT)): list(rule(parsed(path)))
        for path in PRODUCT
        if path.relative_to(ROOT).parts[0] != "benchmarks"
    }
    broken = {name: lines for name, lines in found.items() if lines}
    assert broken.keys() - let_through.keys() == set(), {
        name: lines for name, lines in broken.items() if name not in let_through
    }
    # What is not needed any more is not let through any more.
    assert let_through.keys() - broken.keys() == set()


# Views


#: Views with a door of their own kind.
OWN_DOOR = {MspIndexView}


def is_guarded(view: type[BaseView]) -> bool:
    """Tell whether a view is behind a permission, or behind the door of the customer portal."""
    if issubclass(view, PortalGate) or view in OWN_DOOR:
        return view in OWN_DOOR or "is_accessible" not in vars(view)
    has_permission = getattr(view, "permission", None) is not None
    return issubclass(view, ScopedModelView | MspPageView) and has_permission


class Unguarded(BaseView):
    """What the rule is there for."""


class WithoutPermission(MspPageView):
    """What the rule is there for."""


def views(base: type[BaseView] = BaseView) -> Iterator[type[BaseView]]:
    for found in base.__subclasses__():
        yield found
        yield from views(found)


def test_every_view_is_behind_a_door() -> None:
    ours = [view for view in views() if view.__module__.startswith("admin_views.")]
    bases = {ScopedModelView, MspPageView}
    leaves = [view for view in ours if not view.__subclasses__() or view not in bases]
    assert [view.__name__ for view in leaves if view not in bases and not is_guarded(view)] == []
    assert len(leaves) > 15
    assert not is_guarded(Unguarded)
    assert not is_guarded(WithoutPermission)


# Templates and scripts


_UNSAFE_TEMPLATE = re.compile(r"\|\s*safe\b|autoescape\s+false|\bMarkup\b|\{%-?\s*raw\b", re.I)
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)
_NEW_WINDOW = re.compile(r"<a\b(?=[^>]*_blank)(?![^>]*noopener)[^>]*>")
_UNSAFE_SCRIPT = re.compile(
    r"\beval\(|new Function|document\.write|insertAdjacentHTML|outerHTML\s*=|innerHTML\s*=|postMessage|"
    r"sessionStorage|document\.cookie|setTimeout\(\s*[\"']|localStorage\.setItem\((?!\"side-folded\")"
)
#: Fragments of our own server are shown there, escaped by its templates.
_SHOW_FRAGMENTS = {"dialog.js": 1, "switcher.js": 1}


def forms_without_token(page: str) -> list[str]:
    """Return the posted forms of a template that carry no token."""
    return [
        attributes
        for attributes, inside in _FORM.findall(page)
        if re.search(r"method\s*=\s*[\"']?post", attributes, re.I) and "csrf_token" not in inside
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.*")), ids=lambda path: path.name)
def test_a_template_escapes_everything_and_its_forms_carry_the_token(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert not _UNSAFE_TEMPLATE.search(page)
    assert not _NEW_WINDOW.search(page)
    assert forms_without_token(page) == []


@pytest.mark.parametrize("path", sorted((ROOT / "static").rglob("*.js")), ids=lambda path: path.name)
def test_a_script_makes_no_program_of_text_and_keeps_nothing(path: Path) -> None:
    found = _UNSAFE_SCRIPT.findall(path.read_text(encoding="utf-8"))
    assert len(found) == _SHOW_FRAGMENTS.get(path.name, 0), found


def test_the_rules_for_templates_and_scripts_notice() -> None:
    for unsafe in ("{{ name | safe }}", "{{ name|safe }}", "{% autoescape false %}", "{% raw %}"):
        assert _UNSAFE_TEMPLATE.search(unsafe)
    assert not _UNSAFE_TEMPLATE.search("{{ safe_name }}")
    assert _NEW_WINDOW.search('<a href="x" target="_blank">')
    assert not _NEW_WINDOW.search('<a href="x" target="_blank" rel="noopener">')
    assert forms_without_token('<form method="post"><input></form>')
    assert not forms_without_token('<form method="post">{{ csrf_token() }}</form>')
    assert not forms_without_token('<form method="get"><input></form>')
    for unsafe in ('eval("1")', "a.innerHTML = b", 'localStorage.setItem("name", x)', "document.cookie"):
        assert _UNSAFE_SCRIPT.search(unsafe)
    assert not _UNSAFE_SCRIPT.search('localStorage.setItem("side-folded", "1"); a.textContent = b;')
