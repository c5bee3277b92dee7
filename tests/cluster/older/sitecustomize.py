"""Makes every process whose `PYTHONPATH` begins with this folder one of an older raycontext."""

from __future__ import annotations

import raycontext

raycontext.__version__ = "0.0.9"
