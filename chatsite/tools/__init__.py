"""Tools of the host: functions that look something up, or do it, for the reader who asks.

    from chatsite.tools import Context, Source, tool

    @tool
    def order_status(number: int, context: Context) -> Source:
        ...

A tool is declared in `docchat.py` of an app, or named in `DOCCHAT = {"TOOLS": [...]}`; docs/tools.md shows it.
"""

from chatsite.tools.declaring import Context, tool
from chatsite.tools.results import Source

__all__ = ["Context", "Source", "tool"]
