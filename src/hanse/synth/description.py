"""What the catalogue says of a synthetic hospital's patients: a full description, of things that do not exist."""

from hanse.core.record import Agent, Description, Period
from hanse.domains.catalogue import WORDS
from hanse.synth.sites import Site


def describe(site: Site, name: str) -> Description:
    """The description of the dataset `name` of one site. All addresses are under example.org (RFC 2606)."""
    slug = site.name.rpartition("-")[2]
    place, country = slug.capitalize(), WORDS["country"].codes[site.country].label
    return Description(
        name=name,
        title={
            "en": f"Cancer images of the synthetic hospital {place}",
            "fr": f"Images de cancers de l'hôpital synthétique de {place}",
        },
        about={
            "en": "Synthetic patients with CT, MR, PET and mammography series, segmented lesions and clinical records. "
            "None of these people exists.",
            "fr": "Patients synthétiques avec scanners, IRM, TEP et mammographies, lésions segmentées et dossiers "
            "cliniques. Aucune de ces personnes n'existe.",
        },
        keywords={
            "en": ("synthetic", "cancer", "segmentation"),
            "fr": ("synthétique", "cancer", "segmentation"),
        },
        license="CC0-1.0",
        link=f"https://{slug}.example.org/datasets/{name}",
        country=site.country,
        synthetic=True,
        cancer_types=tuple(sorted(site.cancers)),
        languages=("en",),
        holder=Agent(site.title, f"data@{slug}.example.org", "", f"https://{slug}.example.org", site.country),
        contact=Agent(
            f"Data office of the {site.title[0].lower()}{site.title[1:]}", f"data@{slug}.example.org"
        ),
        access_body=Agent(
            f"Synthetic health data access body of {country['en']}",
            f"permits@hdab-{site.country.lower()}.example.org",
            country=site.country,
        ),
        categories=("EHRS", "EMRD"),
        themes=("CANCER_DISEASE",),
        conditions=("DUO:0000042",),
        provenance={
            "en": "Made by `hanse synth` from a seed: no data of real persons went into it.",
            "fr": "Produit par `hanse synth` à partir d'une graine, sans données de personnes réelles.",
        },
        population={
            "en": f"Made-up patients of a made-up hospital in {country['en']}.",
            "fr": f"Patients fictifs d'un hôpital fictif ({country['fr']}).",
        },
        collection=("SPEC1000003",),
        kept=Period(end="2040"),
        frequency="NEVER",
        conforms_to=("https://www.dicomstandard.org/",),
    )
