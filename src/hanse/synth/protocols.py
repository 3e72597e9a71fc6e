"""How series are acquired: the header parameters from which a reader has to work out what a series is.

A protocol's `kind` says what the picture looks like (`volumes.SIGNALS`); nothing in a header says it directly. Series
descriptions are those that each manufacturer's consoles suggest, which is why they cannot be trusted alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CONTRAST = {"CT": "IOHEXOL 300", "MR": "GADOBUTROL"}


@dataclass(frozen=True, slots=True)
class Protocol:
    """One series. `depth` is the extent in mm that its slices cover; `tags` are DICOM keywords with their values."""

    modality: str
    kind: str
    names: tuple[str, str, str]  # as on consoles of Siemens, GE and Philips
    slices: int = 12
    depth: float = 180.0
    gap: float = 0.0  # mm between slices
    contrast: bool = False
    tags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spacing(self) -> float:
        """Distance of the slices' centres, mm."""
        return self.depth / self.slices

    @property
    def thickness(self) -> float:
        return self.spacing - self.gap


def _spin_echo(tr: float, te: float, train: int = 1, **more: Any) -> dict[str, Any]:
    variant = "SK" if train > 1 else "NONE"
    return {
        "ScanningSequence": "SE",
        "SequenceVariant": variant,
        "RepetitionTime": tr,
        "EchoTime": te,
        "EchoTrainLength": train,
        "FlipAngle": 90,
        "MRAcquisitionType": "2D",
        **more,
    }


def _gradient_echo(tr: float, te: float, flip: float, **more: Any) -> dict[str, Any]:
    return {
        "ScanningSequence": "GR",
        "SequenceVariant": ["SP", "MP"],
        "RepetitionTime": tr,
        "EchoTime": te,
        "EchoTrainLength": 1,
        "FlipAngle": flip,
        "MRAcquisitionType": "3D",
        **more,
    }


def _planar(tr: float, te: float, **more: Any) -> dict[str, Any]:
    return {
        "ScanningSequence": "EP",
        "SequenceVariant": "SK",
        "RepetitionTime": tr,
        "EchoTime": te,
        "EchoTrainLength": 64,
        "FlipAngle": 90,
        "MRAcquisitionType": "2D",
        **more,
    }


def _scan(kvp: float, kernel: str, current: int) -> dict[str, Any]:
    return {"KVP": kvp, "ConvolutionKernel": kernel, "XRayTubeCurrent": current, "AcquisitionNumber": 1}


def _view(laterality: str, view: str) -> dict[str, Any]:
    return {"ImageLaterality": laterality, "ViewPosition": view, "KVP": 28, "AnodeTargetMaterial": "TUNGSTEN"}


_DERIVED = ["DERIVED", "PRIMARY", "ADC", "NONE"]

PROTOCOLS: Mapping[str, Protocol] = {
    # computed tomography
    "ct-chest": Protocol(
        "CT", "CT", ("Thorax 5.0 B40f", "CHEST STD", "Thorax, iDose"), 14, 280, tags=_scan(120, "B40f", 180)
    ),
    "ct-chest-contrast": Protocol(
        "CT",
        "CT contrast",
        ("Thorax KM 3.0 I31f", "CHEST C+", "Thorax CE"),
        14,
        280,
        0,
        True,
        _scan(100, "I31f", 210),
    ),
    "ct-abdomen-portal": Protocol(
        "CT",
        "CT contrast",
        ("Abdomen portalvenös 5.0", "ABD PORTAL VENOUS", "Abdomen PV"),
        16,
        320,
        0,
        True,
        _scan(120, "B30f", 220),
    ),
    "ct-abdomen-arterial": Protocol(
        "CT",
        "CT contrast",
        ("Leber arteriell 3.0", "LIVER ARTERIAL", "Liver art"),
        14,
        224,
        0,
        True,
        _scan(120, "B30f", 240),
    ),
    "ct-attenuation": Protocol(
        "CT", "CT", ("PET CT AC 5.0 HD_FoV", "CTAC 3.75", "WB CT AC"), 12, 280, tags=_scan(120, "B19f", 60)
    ),
    "pt-fdg": Protocol("PT", "PT", ("PET AC TrueX", "WB 3D MAC", "WB_CTAC Body"), 12, 280),
    # magnetic resonance of the brain
    "mr-t1": Protocol(
        "MR", "T1", ("t1_se_tra", "Ax T1 SE", "T1W_SE_tra"), 12, 144, 1.0, tags=_spin_echo(550, 12)
    ),
    "mr-t1-contrast": Protocol(
        "MR",
        "T1 contrast",
        ("t1_mprage_sag_KM", "Ax T1 BRAVO +C", "T1W_3D_TFE +C"),
        16,
        144,
        0,
        True,
        _gradient_echo(1900, 2.9, 9, InversionTime=900),
    ),
    "mr-t2": Protocol(
        "MR", "T2", ("t2_tse_tra", "Ax T2 FRFSE", "T2W_TSE_ax"), 12, 144, 1.0, tags=_spin_echo(4500, 98, 17)
    ),
    "mr-flair": Protocol(
        "MR",
        "FLAIR",
        ("t2_tirm_tra_dark-fluid", "Ax T2 FLAIR", "T2W_FLAIR"),
        12,
        144,
        1.0,
        tags=_spin_echo(9000, 118, 19, InversionTime=2500, ScanningSequence=["SE", "IR"]),
    ),
    "mr-dwi": Protocol(
        "MR",
        "DWI",
        ("ep2d_diff_b800_tra", "Ax DWI b800", "DWI_b800"),
        12,
        144,
        1.0,
        tags=_planar(6200, 72, DiffusionBValue=800.0),
    ),
    "mr-adc": Protocol(
        "MR",
        "ADC",
        ("ep2d_diff_b800_tra_ADC", "Apparent Diffusion Coefficient (mm2/s)", "dADC"),
        12,
        144,
        1.0,
        tags=_planar(6200, 72, ImageType=_DERIVED),
    ),
    # magnetic resonance of the trunk
    "mr-t1-body": Protocol(
        "MR",
        "T1",
        ("t1_vibe_fs_tra_pre", "Ax LAVA pre", "eTHRIVE_pre"),
        12,
        96,
        tags=_gradient_echo(4.2, 1.6, 10),
    ),
    "mr-t2-body": Protocol(
        "MR",
        "T2",
        ("t2_tse_tra_p2", "Ax T2 PROPELLER", "T2W_TSE_tra"),
        12,
        96,
        0.5,
        tags=_spin_echo(5200, 104, 21),
    ),
    "mr-dwi-body": Protocol(
        "MR",
        "DWI",
        ("ep2d_diff_tra_b1000_TRACEW", "Ax DWI 1000b", "DWI_b1000"),
        12,
        96,
        0.5,
        tags=_planar(5400, 66, DiffusionBValue=1000.0, ScanOptions="FS"),
    ),
    "mr-adc-body": Protocol(
        "MR",
        "ADC",
        ("ep2d_diff_tra_b1000_ADC", "ADC (10^-6 mm²/s)", "dADC_body"),
        12,
        96,
        0.5,
        tags=_planar(5400, 66, ImageType=_DERIVED),
    ),
    "mr-dce": Protocol(
        "MR",
        "DCE",
        ("t1_twist_tra_dyn", "Ax DISCO Dynamic", "DYN_eTHRIVE"),
        12,
        96,
        0,
        True,
        _gradient_echo(4.6, 1.7, 12, TemporalPositionIdentifier=4, NumberOfTemporalPositions=20),
    ),
    # projections
    "mg-rcc": Protocol("MG", "MG", ("R CC", "R CC", "R CC"), 1, 60, tags=_view("R", "CC")),
    "mg-lcc": Protocol("MG", "MG", ("L CC", "L CC", "L CC"), 1, 60, tags=_view("L", "CC")),
    "mg-rmlo": Protocol("MG", "MG", ("R MLO", "R MLO", "R MLO"), 1, 60, tags=_view("R", "MLO")),
    "mg-lmlo": Protocol("MG", "MG", ("L MLO", "L MLO", "L MLO"), 1, 60, tags=_view("L", "MLO")),
    "dx-chest": Protocol(
        "DX", "DX", ("Thorax p.a.", "CHEST PA", "Thorax PA"), 1, 200, tags={"ViewPosition": "PA", "KVP": 125}
    ),
    "us-breast": Protocol("US", "US", ("Mamma", "BREAST L", "Breast"), 1, 40),
    "us-abdomen": Protocol("US", "US", ("Abdomen", "ABDOMEN", "Abdomen"), 1, 120),
}
