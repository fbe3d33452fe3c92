#!/usr/bin/env python3
"""Writes src/find/phone.txt: which national numbers are valid where, from libphonenumber's metadata (Apache-2.0,
https://github.com/google/libphonenumber), by the package `phonenumbers`.

    python3 -m venv .venv && .venv/bin/pip install phonenumbers && .venv/bin/python crates/sense/tables/phone.py

For each region and each length of a national number: the first DIGITS digits with which a valid number of any kind (fixed,
mobile, free, premium, shared cost, VoIP, personal) can begin. The patterns of the metadata are regular expressions over
digits; they are turned into an automaton here and asked whether some number of that length begins so. What comes after the
first digits is not checked, so the table accepts a little more than the library does, and never less.
"""
import pathlib
import re._parser as parser
from re import _constants as op

import phonenumbers
from phonenumbers import PhoneMetadata

DIGITS = 4
KINDS = ["fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan", "voicemail"]
OUT = pathlib.Path(__file__).parent.parent / "src/find/phone.txt"


class Automaton:
    def __init__(self, pattern):
        self.empty, self.steps = [[]], [[]]
        self.end = self.grow(parser.parse(pattern), 0)

    def state(self):
        self.empty.append([])
        self.steps.append([])
        return len(self.empty) - 1

    def grow(self, tree, at):
        for kind, value in tree:
            if kind is op.LITERAL:
                at = self.step(at, {int(chr(value))})
            elif kind is op.IN:
                at = self.step(at, self.members(value))
            elif kind is op.SUBPATTERN:
                at = self.grow(value[3], at)
            elif kind is op.BRANCH:
                end = self.state()
                for branch in value[1]:
                    self.empty[self.grow(branch, self.fork(at))].append(end)
                at = end
            elif kind is op.MAX_REPEAT:
                least, most, inner = value
                assert most <= 20, most
                for _ in range(least):
                    at = self.grow(inner, at)
                end = self.state()
                for _ in range(most - least):
                    self.empty[at].append(end)
                    at = self.grow(inner, at)
                self.empty[at].append(end)
                at = end
            else:
                raise ValueError(f"{kind} is not known here")
        return at

    def fork(self, at):
        new = self.state()
        self.empty[at].append(new)
        return new

    def step(self, at, digits):
        new = self.state()
        self.steps[at].append((digits, new))
        return new

    @staticmethod
    def members(value):
        digits = set()
        for kind, inner in value:
            if kind is op.LITERAL:
                digits.add(int(chr(inner)))
            elif kind is op.RANGE:
                digits |= set(range(int(chr(inner[0])), int(chr(inner[1])) + 1))
            elif kind is op.CATEGORY:
                digits |= set(range(10))
            else:
                raise ValueError(f"{kind} is not known here")
        return digits

    def close(self, states):
        seen, todo = set(states), list(states)
        while todo:
            for new in self.empty[todo.pop()]:
                if new not in seen:
                    seen.add(new)
                    todo.append(new)
        return frozenset(seen)

    def starts(self, length):
        """Every beginning of DIGITS digits of an accepted number of `length` digits."""
        # can[k]: states from which the end is reached by exactly k digits.
        can = [set(s for s in range(len(self.empty)) if self.end in self.close([s]))]
        for _ in range(length):
            before = can[-1]
            can.append({s for s in range(len(self.empty))
                        if any(n in before for c in self.close([s]) for _, n in self.steps[c])})
        found = []

        def walk(prefix, states, depth):
            if not states & can[length - depth]:
                return
            if depth == DIGITS:
                found.append(prefix)
                return
            for digit in range(10):
                new = [n for s in states for digits, n in self.steps[s] if digit in digits]
                if new:
                    walk(prefix * 10 + digit, self.close(new), depth + 1)

        walk(0, self.close([0]), 0)
        return set(found)


def ranges(numbers):
    out, numbers = [], sorted(numbers)
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ",".join(f"{a:0{DIGITS}}" if a == b else f"{a:0{DIGITS}}-{b:0{DIGITS}}" for a, b in out)


def main():
    rows = []
    regions = [(r, PhoneMetadata.metadata_for_region(r)) for r in sorted(phonenumbers.SUPPORTED_REGIONS)]
    regions += [("001", PhoneMetadata.metadata_for_nongeo_region(cc)) for cc in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)]
    for region, data in regions:
        lengths = {}
        for kind in KINDS:
            desc = getattr(data, kind)
            if not desc or not desc.national_number_pattern or desc.national_number_pattern == "NA":
                continue
            automaton = Automaton(desc.national_number_pattern)
            for length in desc.possible_length or data.general_desc.possible_length:
                if length >= 5:
                    lengths.setdefault(length, set()).update(automaton.starts(length))
        for length in sorted(lengths):
            if lengths[length]:
                rows.append(f"{data.country_code} {region} {data.national_prefix or '-'} {length} {ranges(lengths[length])}")
    head = [
        "# National numbers that are valid: calling code, region, national prefix, length, first digits.",
        f"# Made by tables/phone.py from libphonenumber's metadata (Apache-2.0), phonenumbers {phonenumbers.__version__}. Do not edit.",
    ]
    OUT.write_text("\n".join(head + rows) + "\n")


main()
