"""report.html: one page that loads no other file."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xenproof.plain import log_text, shortened, visible
from xenproof.report import page
from xenproof.report.attachment import Attachments, is_picture
from xenproof.report.duration import duration
from xenproof.report.timeline import chart
from xenproof.results.conclusion import conclusion
from xenproof.results.results import Results
from xenproof.results.verdict import Outcome

_SIGNS = {
    Outcome.PASS: "\u2713",
    Outcome.FAIL: "\u2717",
    Outcome.ERROR: "!",
    Outcome.NEW: "+",
    Outcome.WAIVED: "~",
    Outcome.NOT_APPLICABLE: "\u2013",
    Outcome.NOT_EVALUABLE: "?",
}


def render_html(results: Results, folder: Path) -> Iterator[str]:
    """The run as one page, in pieces; logs of failures are read from `folder`/logs and included, shortened."""
    env = _environment()
    # The page allows exactly this style and this script, so that no text from a host can add others.
    style = env.get_template("report.css").render()
    script = env.get_template("report.js.j2").render()
    attachments = Attachments(folder)
    rows = page.rows(results)
    hosts = page.hosts(results)
    compared = page.compared(hosts)
    return env.get_template("report.html.j2").generate(
        results=results,
        overall=conclusion(results),
        counts=page.counts(results.verdicts),
        hosts=hosts,
        many=len(hosts) > page.MANY_HOSTS,
        compared=compared,
        matrix=page.matrix(rows, [host.summary.url for host in compared]) if len(hosts) > 1 else (),
        failures=page.failures(rows),
        news=page.news(rows),
        errors=page.errors(rows),
        unjudged=page.unjudged(rows),
        families=page.families(rows),
        chart=chart(results.verdicts),
        tables=page.tables(rows),
        pictures=page.pictures(rows),
        bad=page.BAD,
        signs=_SIGNS,
        attachments=attachments,
        style=Markup(style),  # noqa: S704  # our own file, not a host's text
        script=Markup(script),  # noqa: S704  # our own file, not a host's text
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


@cache
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("xenproof", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    filters: dict[str, Callable[..., str]] = {
        "log": lambda text: shortened(log_text(text), 64 << 10),
        "value": lambda text: visible(shortened(text, 4 << 10)),
        "duration": duration,
        "slug": lambda outcome: str(outcome).replace(" ", "-"),
    }
    env.filters.update(filters)
    env.tests["picture"] = is_picture
    return env


def _harmless(value: Any) -> Any:
    """`value` without escape sequences, shortened; applied to every value, so that the template cannot omit it."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(shortened(value, 128 << 10))
    return value


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
