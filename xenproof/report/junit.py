"""junit.xml: one test suite for each host, one test case for each verdict."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from junit_xml import TestCase, TestSuite

from xenproof.plain import log_text, shortened, visible
from xenproof.results.conclusion import by_host
from xenproof.results.results import Results
from xenproof.results.verdict import Finding, Outcome, Verdict

_SKIPPED = (Outcome.NEW, Outcome.WAIVED, Outcome.NOT_APPLICABLE, Outcome.NOT_EVALUABLE)
_LONGEST = 64 << 10  # characters of one text; CI servers refuse much more


def render_junit(results: Results) -> Iterator[str]:
    """The run as JUnit XML in pieces, readable by any XML 1.0 parser whatever a host printed."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    totals = {
        "name": f"xenproof {visible(results.profile)}",
        "tests": str(len(results.verdicts)),
        "failures": str(results.count(Outcome.FAIL)),
        "errors": str(results.count(Outcome.ERROR)),
        "skipped": str(sum(map(results.count, _SKIPPED))),
        "time": f"{results.seconds:.3f}",
    }
    # Made by ElementTree, so that it is quoted as all others are; the suites go between its two tags.
    empty = ET.tostring(ET.Element("testsuites", totals), encoding="unicode", short_empty_elements=False)
    begin, end = empty.removesuffix("</testsuites>"), "</testsuites>\n"
    yield f"{begin}\n"
    for host, verdicts in by_host(results).items():
        suite = _suite(results, host, verdicts)
        ET.indent(suite, " ", level=1)
        yield f" {ET.tostring(suite, encoding='unicode')}\n"
    yield end


def _suite(results: Results, host: str, verdicts: Sequence[Verdict]) -> ET.Element:
    properties = {
        "host": visible(host),
        "profile": visible(results.profile),
        "digest": visible(results.profile_digest),
        "xenproof": visible(results.xenproof_version),
    }
    suite = TestSuite(
        visible(host),
        [_case(verdict) for verdict in verdicts],
        hostname=visible(host),
        timestamp=visible(results.started),
        properties=properties,
    )
    element: ET.Element = suite.build_xml_doc()
    for case, verdict in zip(element.iter("testcase"), verdicts, strict=True):
        case.insert(0, _properties(verdict))
    return element


def _case(verdict: Verdict) -> TestCase:
    case = TestCase(
        visible(verdict.id),
        classname=visible(verdict.family),
        elapsed_sec=verdict.seconds,
        stdout="\n".join(map(_finding, verdict.findings)) or None,
    )
    # junit-xml drops a failure without message and text, which would turn it into a pass.
    message = shortened(visible(_message(verdict)), 1000, "see the text") or str(verdict.outcome)
    text = _text(verdict)
    match verdict.outcome:
        case Outcome.FAIL:
            case.add_failure_info(message, text, visible(verdict.level) or "must")
        case Outcome.ERROR:
            case.add_error_info(message, text, "error")
        case Outcome.NEW | Outcome.WAIVED | Outcome.NOT_APPLICABLE | Outcome.NOT_EVALUABLE:
            case.add_skipped_info(f"{verdict.outcome}: {message}", text)
        case Outcome.PASS:
            pass
    return case


def _properties(verdict: Verdict) -> ET.Element:
    """The properties of one case, which junit-xml cannot write; at the same place as in pytest's own JUnit."""
    properties = ET.Element("properties")
    pairs = [("title", verdict.title), ("outcome", str(verdict.outcome)), ("level", verdict.level)]
    pairs += [("req", req) for req in verdict.req]
    pairs += [("load", str(verdict.load))] if verdict.load is not None else []
    pairs += [("attachment", f"logs/{name}") for name in verdict.attachments]
    for name, value in pairs:
        ET.SubElement(properties, "property", {"name": name, "value": visible(value)})
    return properties


def _message(verdict: Verdict) -> str:
    finding = verdict.finding
    if verdict.outcome is Outcome.FAIL and finding:
        return f"{verdict.title}: expected {finding.expected}, found {finding.found}"
    return verdict.reason or verdict.title


def _text(verdict: Verdict) -> str:
    parts = [
        visible(verdict.title),
        *map(_finding, verdict.findings),
        shortened(log_text(verdict.reason), _LONGEST),
        shortened(log_text(verdict.details), _LONGEST),
    ]
    return "\n".join(part for part in parts if part)


def _finding(finding: Finding) -> str:
    source = f"{finding.source} ({finding.status})" if finding.status else finding.source
    rows = {
        "expected": finding.expected,
        "found": finding.found,
        "by": finding.by,
        "source": source,
        "where": finding.where,
        "try": finding.hint,
    }
    return "\n".join(f"{name:9} {visible(shortened(text, _LONGEST))}" for name, text in rows.items() if text)
