"""The numbers of docs/benchmarks.md, measured: each against its peer, in the same run, on the same machine."""
