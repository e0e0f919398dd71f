"""Invitations (iCalendar, RFC 5545): what, when, where, who, and the description."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from retrieval.parsing.formats.extracted import Blocks, clean

_ENTRIES = {"VEVENT", "VTODO", "VJOURNAL"}
_ENTRIES_LIMIT = 5_000
_NAMES_LIMIT = 200
_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(Z?))?", re.ASCII)
_DURATION = re.compile(r"([+-]?)P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,6})S)?)?")
_PROPERTY = re.compile(r'([A-Za-z0-9-]{1,60})((?:;[A-Za-z0-9-]{1,60}=(?:"[^"]*+"|[^";:])*+)*+):')
_PARAMETER = re.compile(r';([A-Za-z0-9-]{1,60})=("[^"]*+"|[^;]*+)')
_ESCAPED = re.compile(r"\\([\\;,nN])")
_DAYS = {"MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday", "SA": "Saturday"}
_DAYS |= {"SU": "Sunday"}


class _Property(NamedTuple):
    parameters: dict[str, str]
    value: str


class _Moment(NamedTuple):
    day: date
    time: str  # empty for a whole day
    zone: str

    def __str__(self) -> str:
        zone = f" {self.zone}" if self.zone == "UTC" else f" ({self.zone})" if self.zone else ""
        return f"{self.day.isoformat()} {self.time}{zone}" if self.time else self.day.isoformat()


def add_calendar(blocks: Blocks, text: str) -> None:
    """Append each entry of a calendar: a line for each thing that it says."""
    begun: list[str] = []
    entry: dict[str, list[_Property]] = {}
    count = 0
    for line in _unfolded(clean(text)):
        name, _, rest = line.partition(":")
        name, rest = name.strip().upper(), rest.strip().upper()
        if name == "BEGIN":
            begun.append(rest)
            entry = {} if rest in _ENTRIES else entry
        elif name == "END":
            if begun and begun[-1] == rest:
                begun.pop()
            if rest in _ENTRIES and (count := count + 1) <= _ENTRIES_LIMIT:
                _add_entry(blocks, entry)
                entry = {}
        elif begun and begun[-1] in _ENTRIES and (found := _PROPERTY.match(line)):
            parameters = {key.upper(): value.strip('"') for key, value in _PARAMETER.findall(found[2])}
            entry.setdefault(found[1].upper(), []).append(_Property(parameters, line[found.end() :]))
    if entry:  # it was cut
        _add_entry(blocks, entry)


def _add_entry(blocks: Blocks, entry: dict[str, list[_Property]]) -> None:
    lines = [
        ("Event", _texts(entry, "SUMMARY")),
        ("Status", _texts(entry, "STATUS") if _texts(entry, "STATUS").upper() == "CANCELLED" else ""),
        ("When", _when(entry)),
        ("Repeats", "; ".join(_rule(each.value) for each in entry.get("RRULE", []))),
        ("Except", ", ".join(_dates(entry, "EXDATE"))),
        ("Also on", ", ".join(_dates(entry, "RDATE"))),
        ("Due", _moment_text(entry, "DUE")),
        ("Where", _texts(entry, "LOCATION")),
        ("Organiser", _people(entry, "ORGANIZER")),
        ("Invited", _people(entry, "ATTENDEE")),
        ("Link", _texts(entry, "URL")),
    ]
    shown = [f"{label}: {value}" for label, value in lines if value]
    for number, line in enumerate(shown):
        blocks.add(line, close=number > 0)
    for name in ("DESCRIPTION", "COMMENT"):
        for each in entry.get(name, [])[:_NAMES_LIMIT]:
            blocks.add(_unescaped(each.value))


def _unfolded(text: str) -> list[str]:
    """Return the lines, made whole: one that begins with a space goes on with the one before."""
    lines: list[list[str]] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and lines:
            lines[-1].append(line[1:])
        elif line.strip():
            lines.append([line])
    return ["".join(parts) for parts in lines]


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _texts(entry: dict[str, list[_Property]], name: str) -> str:
    return ", ".join(filter(None, (" ".join(_unescaped(each.value).split()) for each in entry.get(name, [])[:20])))


def _people(entry: dict[str, list[_Property]], name: str) -> str:
    """Return names with their addresses."""
    found = []
    for each in entry.get(name, [])[:_NAMES_LIMIT]:
        address = re.sub(r"^mailto:", "", each.value.strip(), flags=re.IGNORECASE)
        named = each.parameters.get("CN", "").strip()
        found.append(f"{named} <{address}>" if named and address and named != address else named or address)
    return ", ".join(filter(None, found))


def _when(entry: dict[str, list[_Property]]) -> str:
    start = _first(entry, "DTSTART")
    if start is None:
        return _raw(entry, "DTSTART", "DTEND")
    end = _first(entry, "DTEND") or _after(start, entry)
    if end is None and _raw(entry, "DTEND"):
        return f"{start} – {_raw(entry, 'DTEND')}"
    if end is not None and not start.time and not end.time and end.day > date.min:
        end = end._replace(day=end.day - timedelta(days=1))  # the day after the last
    if end is None or end == start or (not end.time and end.day <= start.day):
        return str(start)
    if end.day == start.day and end.zone == start.zone:
        zone = str(start).removeprefix(f"{start.day.isoformat()} {start.time}")
        return f"{start.day.isoformat()} {start.time}–{end.time}{zone}"
    return f"{start} – {end}"


def _raw(entry: dict[str, list[_Property]], *names: str) -> str:
    """Return the first values as they stand in the file, for what is no moment."""
    return " – ".join(filter(None, (" ".join(entry[name][0].value.split())[:100] for name in names if name in entry)))


def _after(start: _Moment, entry: dict[str, list[_Property]]) -> _Moment | None:
    found = _DURATION.fullmatch(entry["DURATION"][0].value.strip()) if entry.get("DURATION") else None
    if found is None:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    begun = datetime.fromisoformat(f"{start.day.isoformat()} {start.time or '00:00'}")
    try:
        end = begun + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None
    return _Moment(end.date(), end.strftime("%H:%M") if start.time else "", start.zone)


def _first(entry: dict[str, list[_Property]], name: str) -> _Moment | None:
    properties = entry.get(name)
    return _moment(properties[0].value, properties[0].parameters.get("TZID", "")) if properties else None


def _moment(value: str, zone: str) -> _Moment | None:
    found = _MOMENT.fullmatch(value.strip())
    if not found:
        return None
    year, month, day, hour, minute, _second, utc = found.groups()
    try:
        begun = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
    except ValueError:
        return None
    return _Moment(begun.date(), begun.strftime("%H:%M") if hour else "", "UTC" if utc else zone.strip())


def _moment_text(entry: dict[str, list[_Property]], name: str) -> str:
    moment = _first(entry, name)
    return str(moment) if moment else _raw(entry, name)


def _dates(entry: dict[str, list[_Property]], name: str) -> list[str]:
    found = []
    for each in entry.get(name, [])[:_NAMES_LIMIT]:
        for value in each.value.split(",")[:_NAMES_LIMIT]:
            moment = _moment(value.partition("/")[0], each.parameters.get("TZID", ""))
            found.append(str(moment) if moment else value.strip())
    return found[:_NAMES_LIMIT]


def _rule(value: str) -> str:
    """Return how often an entry repeats, in words: "weekly, every 2, on Monday, until 2025-12-31"."""
    parts = dict(part.partition("=")[::2] for part in value.strip().upper().split(";"))
    said = [parts.pop("FREQ", "").lower()]
    if interval := parts.pop("INTERVAL", ""):
        said.append(f"every {interval}" if interval != "1" else "")
    if days := parts.pop("BYDAY", ""):
        named = [re.sub(r"[A-Z]{2}$", lambda d: f" {_DAYS.get(d[0], d[0])}", day).strip() for day in days.split(",")]
        said.append(f"on {', '.join(named)}")
    if until := parts.pop("UNTIL", ""):
        said.append(f"until {_moment(until, '') or until}")
    if count := parts.pop("COUNT", ""):
        said.append(f"{count} times")
    parts.pop("WKST", "")
    said += [f"{name.lower()} {each}" for name, each in parts.items() if each]
    return ", ".join(filter(None, said))
