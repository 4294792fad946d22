"""Nothing is fetched from a hub, and these tests need packages that the project itself does not.

`make clients` installs them and runs this folder; the other tests pass it over.
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

# Also where the processes that Lightning spawns find their modules.
sys.path.insert(0, str(Path(__file__).parent))
