"""Command-line flags made from the fields of a dataclass, and the types of their values."""

from __future__ import annotations  # setup_checker.py must run on an old Python

import argparse
import math
import re
from collections.abc import Callable
from dataclasses import field, fields
from pathlib import Path

DOWNLOAD = "download the file, and name where it lies"


def _checked(kind: type, is_good: Callable, reason: str, name: str) -> Callable[[str], object]:
    """A type of values for argparse, which calls it by its name where a text is no such kind."""

    def parse(text: str):
        value = kind(text)
        if not is_good(value):
            raise argparse.ArgumentTypeError(f"{text} is {reason}")
        return value

    parse.__name__ = name
    return parse


positive_int = _checked(int, lambda n: n >= 1, "not at least 1", "positive_int")
natural_int = _checked(int, lambda n: n >= 0, "negative", "natural_int")
positive_float = _checked(
    float, lambda x: 0 < x < math.inf, "not a positive number", "positive_float"
)
natural_float = _checked(
    float, lambda x: 0 <= x < math.inf, "negative, or no number", "natural_float"
)
fraction = _checked(float, lambda x: 0 <= x <= 1, "not between 0 and 1", "fraction")
inner_fraction = _checked(
    float, lambda x: 0 < x < 1, "not between 0 and 1, both excluded", "inner_fraction"
)


def is_address(text: str) -> bool:
    """Whether text is a web address, of which a Path would lose a slash."""
    return bool(re.match(r"[a-z][a-z0-9+.-]+://", text.strip(), re.IGNORECASE))


def local(text: str) -> str:
    if is_address(text):
        raise argparse.ArgumentTypeError(f"{text} is a web address: {DOWNLOAD}")
    return text


def local_path(text: str) -> Path:
    return Path(local(text))


def plain_name(text: str) -> str:
    """A name that is one folder's: no separators, not a way up."""
    if not text.strip(". ") or set(text) & set('/\\:*?"<>|'):
        raise argparse.ArgumentTypeError(f"{text} is not a plain folder name")
    return text


def shard(text: str) -> str:
    """'2/4' for the second of four parts."""
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text} is not like 2/4: part 2 of 4")
    return text


def option(default, help_text: str, **argparse_options):
    """A dataclass field that add_flags turns into a command-line flag."""
    return field(default=default, metadata={"help": help_text, **argparse_options})


def add_flags(parser: argparse.ArgumentParser, config_class: type) -> None:
    """Give parser one flag for every field of a config dataclass."""
    for item in fields(config_class):
        settings = dict(item.metadata)
        text = settings.pop("help")
        flag = "--" + item.name.replace("_", "-")
        if isinstance(item.default, bool):
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=item.default, help=text)
        else:
            is_path = isinstance(item.default, Path)
            settings.setdefault("type", local_path if is_path else type(item.default))
            values = item.default if isinstance(item.default, tuple) else (item.default,)
            if values not in ((), ("",)):
                text += f" (default: {' '.join(map(str, values))})"
            parser.add_argument(flag, default=item.default, help=text, **settings)


def from_flags(config_class: type, args: argparse.Namespace):
    """The config dataclass that parsed flags describe."""
    return config_class(**{item.name: getattr(args, item.name) for item in fields(config_class)})
