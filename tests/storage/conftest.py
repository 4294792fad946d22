"""Let the tests here import their steps."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
