"""Where reference material lies beside a checkout; tests that need it skip where it is absent."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
GOLDENS = SHARED / "goldens"
MEDIA = SHARED / "media"
