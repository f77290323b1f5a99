"""Recurring tasks: rules by chance and of real calendars, and what python-dateutil and zoneinfo make of them."""

import dataclasses
import datetime
import functools
import itertools
import random
import re
import zoneinfo
from datetime import UTC, timedelta

from dateutil import rrule

# The package tzdata is pinned to the release that the binary has. What the machine has may be older.
zoneinfo.reset_tzpath([])
# In the order in which dateutil counts them.
FREQUENCIES = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Pacific/Apia", "Pacific/Kiritimati",
    "Australia/Lord_Howe", "America/Nuuk", "Asia/Kathmandu", "Africa/Casablanca", "America/Santiago", "Asia/Tehran",
]
# Rules as calendars write them.
CALENDARS = {
    "Google": [
        "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY;WKST=MO;COUNT=13", "RRULE:FREQ=WEEKLY;BYDAY=TU",
        "RRULE:FREQ=WEEKLY;BYDAY=FR,MO,TH,TU,WE", "RRULE:FREQ=WEEKLY;WKST=MO;INTERVAL=2;BYDAY=MO,WE",
        "RRULE:FREQ=WEEKLY;WKST=SU;UNTIL=20400101T045959Z;INTERVAL=2;BYDAY=SU,TU", "RRULE:FREQ=MONTHLY;BYDAY=1MO",
        "RRULE:FREQ=MONTHLY;BYDAY=-1FR", "RRULE:FREQ=MONTHLY;WKST=MO;BYMONTHDAY=31", "RRULE:FREQ=YEARLY",
        "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
    ],
    "Outlook": [
        "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO;WKST=SU", "FREQ=WEEKLY;COUNT=10;INTERVAL=3;BYDAY=SU,SA;WKST=SU",
        "FREQ=DAILY;UNTIL=20401231T090000Z;INTERVAL=3;WKST=SU", "FREQ=MONTHLY;INTERVAL=3;BYDAY=TU;BYSETPOS=2",
        "FREQ=MONTHLY;COUNT=12;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=MONTHLY;BYDAY=SU,SA;BYSETPOS=4",
        "FREQ=YEARLY;INTERVAL=1;BYMONTH=11;BYDAY=TH;BYSETPOS=4", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25;",
        "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3;WKST=MO",
        "FREQ=YEARLY;UNTIL=20401231T235959;BYMONTHDAY=1;BYMONTH=1",
    ],
    "Apple": [
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,SA;UNTIL=20400630", "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=1,15",
        "FREQ=MONTHLY;INTERVAL=1;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYSETPOS=1", "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=-1",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "FREQ=YEARLY;INTERVAL=1;BYMONTH=6,7,8;BYDAY=1SA",
        "FREQ=YEARLY;INTERVAL=1;BYMONTH=1,4,7,10;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYSETPOS=-1",
    ],
    "Thunderbird": [
        "RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1",
        "RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=-2WE", "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYMONTHDAY=1",
        "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYMONTH=1;BYSETPOS=1;",
    ],
    "RFC 5545": [
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "FREQ=DAILY;BYMONTH=1", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,-1",
        "FREQ=YEARLY;BYDAY=20MO", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "FREQ=YEARLY;INTERVAL=2;BYMONTH=1,2,3",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "freq=monthly;byday=sa,-1fr",
    ],
}
# Rules that are refused, by what the answer must name.
REFUSED = {
    "FREQ": ["FREQ=HOURLY", "FREQ=MINUTELY;INTERVAL=30", "FREQ=SECONDLY", "FREQ=FORTNIGHTLY", "INTERVAL=2"],
    "BYHOUR": ["FREQ=DAILY;BYHOUR=9"],
    "BYMINUTE": ["FREQ=DAILY;BYMINUTE=0,30"],
    "BYSECOND": ["FREQ=DAILY;BYSECOND=0"],
    "BYWEEKNO": ["FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"],
    "BYYEARDAY": ["FREQ=YEARLY;BYYEARDAY=1,100,200"],
    "EXRULE": ["EXRULE:FREQ=DAILY", "FREQ=DAILY;EXRULE=FREQ=WEEKLY"],
    "INTERVAL": ["FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=1001", "FREQ=DAILY;INTERVAL=-1"],
    "COUNT": ["FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=2;UNTIL=20401231"],
    "UNTIL": ["FREQ=DAILY;UNTIL=20401331", "FREQ=DAILY;UNTIL=2040", "FREQ=DAILY;UNTIL=20401231T235959+0100"],
    "WKST": ["FREQ=WEEKLY;WKST=1", "FREQ=WEEKLY;WKST=MO,TU"],
    "BYMONTH": ["FREQ=YEARLY;BYMONTH=13", "FREQ=YEARLY;BYMONTH=0", "FREQ=YEARLY;BYMONTH=-1"],
    "BYMONTHDAY": ["FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=WEEKLY;BYMONTHDAY=1"],
    "BYDAY": ["FREQ=WEEKLY;BYDAY=1MO", "FREQ=DAILY;BYDAY=-1FR", "FREQ=MONTHLY;BYDAY=0MO", "FREQ=WEEKLY;BYDAY=XX"],
    "BYSETPOS": ["FREQ=MONTHLY;BYSETPOS=1", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0"],
    # From 2031-03-03 on, which is a Monday, these never come, or have ended.
    "": [
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=4,6;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-30", "FREQ=MONTHLY;BYDAY=2MO;BYMONTHDAY=1,2,3",
        "FREQ=DAILY;BYDAY=MO;BYSETPOS=2", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3", "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2", "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;UNTIL=20310302", "FREQ=DAILY;UNTIL=20310302T235959", "FREQ=DAILY;UNTIL=20310302T235959Z",
    ],
}
# Years without an occurrence, times the interval, after which a rule never comes.
NEVER = 120
# The same for rules by chance, so that few of them take long.
RARE = 30
# Longest rule by chance without its end, in characters. The server takes 200.
LONGEST = 160
COUNT = re.compile(r"(?<=COUNT=)\d+")


def parse(text):
    """The parts of a rule, by name."""
    return dict(part.split("=") for part in text.upper().removeprefix("RRULE:").strip(";").split(";"))


def weekdays(parts):
    """`BYDAY` for dateutil, which takes days with numbers and days without for two conditions that must both hold."""
    days = [(DAYS.index(day[-2:]), int(day[:-2] or 0)) for day in parts["BYDAY"].split(",")]
    if not any(number for _, number in days):
        return [day for day, _ in days]
    every = range(1, 6 if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts else 54)
    return [rrule.weekday(day, n) for day, number in days for n in ([number] if number else every)]


@functools.lru_cache(maxsize=1)
def series(text, start, years):
    """Everything that a rule gives from the period of `start` on, without its end, and the last year of it."""
    parts = parse(text)
    names = [name for name in ("BYMONTH", "BYMONTHDAY", "BYSETPOS") if name in parts]
    options = {name.lower(): [int(value) for value in parts[name].split(",")] for name in names}
    options["wkst"] = DAYS.index(parts.get("WKST", "MO"))
    if "BYDAY" in parts:
        options["byweekday"] = weekdays(parts)
    if parts["FREQ"] == "WEEKLY":
        # dateutil leaves out of the first week what is before its start, and then counts BYSETPOS in the rest.
        options.setdefault("byweekday", start.weekday())
        start -= timedelta((start.weekday() - options["wkst"]) % 7)
    frequency, interval = FREQUENCIES.index(parts["FREQ"]), int(parts.get("INTERVAL", 1))
    last = min(9999, start.year + years * interval)
    return rrule.rrule(frequency, start, interval, cache=True, **options), last


def after(text, start, years=NEVER):
    """What a rule gives after `start`. It begins there, and has no end."""
    # The last year is the only bound that dateutil has while it finds nothing.
    found, datetime.MAXYEAR = series(text, start, years)
    return (each for each in found if each > start)


def instant(meant, zone, fold=0):
    """A local time in UTC. In a gap the offset before it counts."""
    return meant.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def is_gap(meant, zone):
    """Whether clocks skip a local time."""
    return instant(meant, zone).astimezone(zone).replace(tzinfo=None) != meant


@dataclasses.dataclass(frozen=True)
class Task:
    """What is known of a task. `meant` is its local time, `at` the same in UTC or None for a day."""

    rule: str
    meant: datetime.datetime
    at: datetime.datetime | None
    zone: zoneinfo.ZoneInfo | None
    anew: bool
    count: int | None
    completed: bool = False

    def moved(self, meant, count):
        return dataclasses.replace(self, meant=meant, at=self.at and instant(meant, self.zone), count=count)

    def is_over(self):
        """Whether it is after the end of its rule."""
        until = parse(self.rule).get("UNTIL")
        if self.count == 0 or not until:
            return self.count == 0
        if self.at and until.endswith("Z"):
            return self.at > datetime.datetime.strptime(until, "%Y%m%dT%H%M%S%z")
        if self.at and "T" in until:
            return self.meant > datetime.datetime.strptime(until, "%Y%m%dT%H%M%S")
        return self.meant.date() > datetime.datetime.strptime(until[:8], "%Y%m%d").date()

    def occurrences(self, today):
        """What the rule gives after its beginning.

        That is the due date, or the day of the completion. If nothing comes from there, it is the due date all the same,
        and then the day of the completion with an interval of 1.
        """
        if self.anew:
            anew = after(self.rule, datetime.datetime.combine(today, self.meant.time()))
            for first in anew:
                return itertools.chain([first], anew)
            for _ in after(self.rule, self.meant):
                return after(self.rule, self.meant)
            every = re.sub("INTERVAL=[0-9]+", "INTERVAL=1", self.rule)
            return after(every, datetime.datetime.combine(today, self.meant.time()))
        return after(self.rule, self.meant)

    def next(self, now, home, catch_up):
        """The task after it was completed at `now` by somebody whose time zone is `home`."""
        today = now.astimezone(home).date()
        for number, meant in enumerate(self.occurrences(today), 1):
            found = self.moved(meant, self.count and self.count - (1 if self.anew else number))
            if found.is_over():
                break
            is_late = found.at <= now if self.at else meant.date() <= today
            if meant > self.meant and not (is_late and (catch_up or self.anew)):
                return found
        return dataclasses.replace(self, completed=True)

    def members(self):
        """What the API tells about it. A day is no time."""
        told = {"completed": self.completed, "count": self.count, "due_local": None, "due_at": None}
        if self.at is None:
            return told | {"due": f"{self.meant:%Y-%m-%d}", "due_date": f"{self.meant:%Y-%m-%d}", "due_time_zone": None}
        clock = self.at.astimezone(self.zone)
        due = {"due": f"{clock.isoformat()}[{self.zone.key}]", "due_date": f"{clock:%Y-%m-%d}"}
        return told | due | {
            "due_local": f"{self.meant:%H:%M}", "due_at": self.at.isoformat(), "due_time_zone": self.zone.key,
        }


def clock_changes(zone, now):
    """First and last minutes of the local times that clocks skip or repeat, in the last three and next two years."""
    now = now.replace(minute=0, second=0, microsecond=0)
    changes = []
    for day in (now + timedelta(days) for days in range(-3 * 365, 2 * 365)):
        if day.astimezone(zone).utcoffset() != (day + timedelta(days=1)).astimezone(zone).utcoffset():
            halves = [(day + timedelta(minutes=30 * n)).astimezone(zone) for n in range(49)]
            pairs = itertools.pairwise(halves)
            before, then = next((one, other) for one, other in pairs if one.utcoffset() != other.utcoffset())
            clocks = [before.replace(tzinfo=None) + timedelta(minutes=30), then.replace(tzinfo=None)]
            changes.append((min(clocks), max(clocks) - timedelta(minutes=1)))
    return changes


class Draw:
    """Tasks by chance, with the text that says when they are due."""

    def __init__(self, seed, now):
        self.dice, self.now = random.Random(seed), now
        self.zones = [zoneinfo.ZoneInfo(name) for name in ZONES]
        self.changes = {zone: clock_changes(zone, now) for zone in self.zones}

    def one_in(self, n):
        return self.dice.random() * n < 1

    def some(self, values, most):
        return ",".join(map(str, self.dice.sample(values, self.dice.randint(1, most))))

    def task(self):
        is_day, zone = self.one_in(2), self.dice.choice(self.zones)
        changes = [] if is_day or self.one_in(4) else self.changes[zone]
        change = self.dice.choice(changes) if changes else None
        while not (task := self.attempt(is_day, zone, change)):
            pass
        return task, self.said(task)

    def attempt(self, is_day, zone, change):
        """A task, or None if its rule never comes, is rare or over, or does not come soon when the clocks change."""
        meant, near = self.before(change) if change else (self.day() if is_day else self.time(), None)
        text = ";".join(f"{name}={value}" for name, value in self.parts().items())
        found = list(itertools.islice(after(text, meant, RARE), 8))
        if len(found) < 3 or len(text) > LONGEST or (near and near not in [meant, *found[:3]]):
            return None
        at = None if is_day else instant(meant, zone, fold=int(self.one_in(2) and not is_gap(meant, zone)))
        text += self.end([meant, *found], at, zone)
        count = COUNT.search(text)
        anew = self.one_in(8 if change else 2)
        task = Task(self.shuffled(text), meant, at, zone if at else None, anew, count and int(count[0]))
        return None if task.is_over() else task

    def before(self, change):
        """A local time some days before clocks change, and the same time on that day."""
        first, last = change
        near = first + timedelta(minutes=self.dice.randint(-2, (last - first).seconds // 60 + 2))
        days = self.dice.choice([*range(1, 9), 14, 21, 28, 29, 30, 31, 60, 61, 365, 366])
        return near - timedelta(0 if self.one_in(20) else days), near

    def said(self, task):
        """When it is due, with an offset or without. A time that clocks skip has no offset."""
        if task.at is None:
            return f"{task.meant:%Y-%m-%d}"
        if is_gap(task.meant, task.zone) or task.at == instant(task.meant, task.zone) and self.one_in(2):
            return f"{task.meant.isoformat()}[{task.zone.key}]"
        return task.members()["due"]

    def day(self):
        """Midnight of a day in the past, of today or of a day to come."""
        days = self.dice.choice([self.dice.randint(-1100, -1), self.dice.randint(-30, 1), 0, self.dice.randint(1, 700)])
        return (self.now + timedelta(days)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)

    def time(self):
        minutes = self.dice.choice([self.dice.randint(0, 210), self.dice.randint(0, 1439)])
        return self.day() + timedelta(minutes=minutes)

    def parts(self):
        frequency = self.dice.choice(FREQUENCIES)
        parts = {"FREQ": frequency}
        if not self.one_in(2):
            parts["INTERVAL"] = self.dice.choice([1, 2, 2, 3, 4, self.dice.randint(1, 12), self.dice.randint(1, 40)])
            if self.one_in(20):
                parts["INTERVAL"] = self.dice.randint(100, 1000)
        if self.one_in({"YEARLY": 2}.get(frequency, 6)):
            parts["BYMONTH"] = self.some(range(1, 13), 4)
        if frequency != "WEEKLY" and self.one_in(3):
            parts["BYMONTHDAY"] = self.some([*range(1, 32), *range(-31, 0)], 5)
        if self.one_in(2):
            parts["BYDAY"] = self.by_day(parts)
        if len(parts.keys() & {"BYMONTH", "BYMONTHDAY", "BYDAY"}) and self.one_in(3):
            most = {"YEARLY": 12, "MONTHLY": 5, "WEEKLY": 3, "DAILY": 1}[frequency]
            parts["BYSETPOS"] = self.some([*range(1, most + 1), *range(-most, 0)], min(most, 3))
        if self.one_in(2 if frequency == "WEEKLY" else 6):
            parts["WKST"] = self.dice.choice(DAYS)
        return parts

    def by_day(self, parts):
        """Some days of the week. All have numbers, or none, or some."""
        days = self.dice.sample(DAYS, self.dice.randint(1, 5))
        most = {"YEARLY": 5 if "BYMONTH" in parts else 53, "MONTHLY": 5}.get(parts["FREQ"])
        numbered = self.dice.choice([0, 0.3, 1, 1]) if most else 0
        signs = [self.dice.choice(["", "+", "-"]) for _ in days]
        return ",".join(
            f"{sign}{self.dice.randint(1, most)}{day}" if self.dice.random() < numbered else day
            for sign, day in zip(signs, days, strict=True)
        )

    def end(self, found, at, zone):
        """An end on, just before or just after an occurrence, on a day near today, or none."""
        kind = self.dice.choice(["", "", "COUNT", "COUNT", "UNTIL", "UNTIL", "near"])
        if kind == "COUNT":
            return f";COUNT={self.dice.choice([self.dice.randint(1, 8), self.dice.randint(1, 1200)])}"
        if not kind:
            return ""
        last = self.dice.choice(found)
        if kind == "near":
            last = self.now.replace(tzinfo=None, microsecond=0) + timedelta(self.dice.randint(-40, 400))
        last += timedelta(seconds=self.dice.choice([-1, 0, 0, 1]))
        zulu = instant(last, zone) if at else last
        forms = {"%Y%m%d": last, "%Y%m%dT%H%M%S": last, "%Y%m%dT%H%M%SZ": zulu}
        form = self.dice.choice(list(forms))
        return f";UNTIL={forms[form].strftime(form)}"

    def shuffled(self, text):
        """The same rule in another form."""
        parts = text.split(";")
        if self.one_in(3):
            self.dice.shuffle(parts)
        text = ";".join(parts)
        return self.dice.choice([text, text, text, text.lower(), f"RRULE:{text}", f"{text};"])
