"""Reads the samples of benchmarks: from the hub, an archive, local files or the bundled samples."""
