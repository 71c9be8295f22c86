"""What can be chosen of OCRBench."""

from benchmarks.sight import PictureOptions


class OcrBenchOptions(PictureOptions):
    """How its pictures are sent."""
