"""The report: Markdown, plots and JSON, made from the jobs' result files and nothing else."""

from mlcore.benchmark.report.writing import write as write
