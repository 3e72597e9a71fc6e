"""`hanse synth`: synthetic patients with images and clinical tables, to try things without anybody's data."""

from pathlib import Path

import click

from hanse.cli.paths import FOLDER
from hanse.core.errors import BadInput
from hanse.synth.sites import site as find_site
from hanse.synth.sites import sites


@click.command(epilog="\b\nExample:\n  hanse synth lisbon --site lisbon --patients 100 --seed 1")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--site", "name", default=sites()[0].name, show_default=True, help="Which synthetic hospital.")
@click.option("--patients", type=click.IntRange(1), help="How many; by default as many as the site has.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--faults", is_flag=True, help="Spoil a few files and rows, as it happens in hospitals.")
@click.option("--list", "listed", is_flag=True, help="List the synthetic hospitals.")
def synth(
    folder: Path | None, name: str, patients: int | None, seed: int, faults: bool, listed: bool
) -> None:
    """Make synthetic patients in a new FOLDER: DICOM images with a lesion, its segmentation, clinical tables."""
    if listed:
        for one in sites():
            click.echo(f"{one.name}  {one.country}  {one.patients} patients")
        return
    if folder is None:
        raise BadInput("no folder is named", hint="hanse synth FOLDER")
    _make(folder, name, patients, seed, faults)


def _make(folder: Path, name: str, patients: int | None, seed: int, faults: bool) -> None:
    from hanse.synth.generate import generate  # numpy and pydicom, only when something is made

    site = find_site(name)
    total = patients or site.patients
    with click.progressbar(length=total, label=f"{site.title}, synthetic patients") as bar:
        summary = generate(
            folder, site, total, seed, lambda done, _: bar.update(done - bar.pos), faults=faults
        )
    click.echo(
        f"{summary.patients} patients, {summary.studies} studies, {summary.series} series, {summary.files} files, "
        f"{summary.bytes / 1e6:.0f} MB in {folder}"
    )
    click.echo(f"Next: hanse node prepare {folder} --dataset {site.name}")
