"""Help in plain text: quick to show, readable at 80 columns, options under headings."""

import inspect
from typing import Any

import typer
from typer.core import TyperCommand

LAST = "Output"  # the heading of what every command has


class OptionGroups(TyperCommand):
    """A command whose options stand under their headings, the general ones last."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`[OPTIONS] VIDEO [QUESTION]`."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        return ["[OPTIONS]", *(_name(p) if p.required else f"[{_name(p)}]" for p in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section per heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record: tuple[str, str] | None
            if parameter.param_type_name == "argument":
                heading, record = "Arguments", (_name(parameter), str(getattr(parameter, "help", "")))
            else:
                heading, record = getattr(parameter, "rich_help_panel", None) or LAST, parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(heading, []).append(record)
        for heading in sorted(sections, key=LAST.__eq__):
            with formatter.section(heading):
                formatter.write_dl(sections[heading])


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.human_readable_name)


def group(name: str, text: str) -> typer.Typer:
    """A family of commands."""
    return typer.Typer(
        name=name,
        help=inspect.cleandoc(text),
        no_args_is_help=True,
        add_completion=name == "vamba",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
