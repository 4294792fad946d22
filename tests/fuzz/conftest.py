"""The twins lie beside the fuzz."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
