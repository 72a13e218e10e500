"""The scripts of the benchmark import each other as they lie in their folder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / 'benchmark'))
