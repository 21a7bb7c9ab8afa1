"""Look at this machine: versions, devices, codecs, memory and disk, and what to install for what is missing.

    python -m videorec.tools.doctor

The status is 0 where everything that videorec needs is there, else 1.
"""

from dataclasses import dataclass

from videorec import terminal


@dataclass(frozen=True)
class Options:
    """It takes nothing."""


def main(args: list[str]) -> int:
    """Look -> show."""
    terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.doctor")

    from videorec.tools import doctor_machine, doctor_packages, doctor_videos  # TensorFlow takes seconds to import

    console = terminal.console()
    packages, missing = doctor_packages.required()
    sections = {"Packages": packages}
    if not missing:
        sections["Machine"] = doctor_machine.rows()
        sections["Videos that OpenCV reads"] = doctor_videos.readable()
        sections["Videos that predict.py --save writes"] = doctor_videos.writable()
        sections["Optional"] = doctor_packages.optional()
    for title, rows in sections.items():
        console.print(title, style="bold")
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            console.print(f"  {name:{width}}  {text}", soft_wrap=True, highlight=False)
    for line in missing:
        console.print(line, style="bold red", soft_wrap=True, highlight=False)
    return 1 if missing else 0


if __name__ == "__main__":
    terminal.run(main)
