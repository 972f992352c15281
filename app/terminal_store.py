"""What commands on the store and its studies print for a reader."""

from typing import Any

from rich.console import Console
from rich.table import Table

from app.figures.wording import size_in_words


def doctor(console: Console, result: dict[str, Any]) -> None:
    """Prints what was looked at, and what is to be mended."""
    for check in result["checks"]:
        console.print(f"{'ok  ' if check['ok'] else 'MEND'}  {check['name']}: {check['message']}", soft_wrap=True)


def prune(console: Console, result: dict[str, Any]) -> None:
    """Prints what was removed, or would be."""
    if result["removed"]:
        table = Table("kind", "name", "size", "days old")
        for one in result["removed"]:
            table.add_row(one["kind"], one["name"], size_in_words(one["bytes"]), f"{one['days']:.1f}")
        console.print(table)
    would = "would be removed" if result["dry_run"] else "removed"
    freed = f"{size_in_words(result['bytes'])} {would}" if result["removed"] else "Nothing was to be removed"
    console.print(f"{freed}; the store holds {size_in_words(result['left'])}.")


def pack(console: Console, result: dict[str, Any]) -> None:
    """Prints where a study and its results were put together."""
    runs = f"{len(result['runs'])} {'run' if len(result['runs']) == 1 else 'runs'}"
    console.print(f"{result['files']} files with {runs}, {size_in_words(result['bytes'])}.")
    console.print(f"Packed: {result['folder']}", soft_wrap=True)
    console.print(f"On the other machine: python -m app unpack {result['folder']} --out FOLDER", soft_wrap=True)


def unpack(console: Console, result: dict[str, Any]) -> None:
    """Prints what was taken in."""
    console.print(f"{len(result['runs'])} runs were taken in; {len(result['present'])} were there already.")
    console.print(f"Study: {result['study']}", soft_wrap=True)
