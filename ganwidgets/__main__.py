"""`python -m ganwidgets` is the `ganwidgets` command."""

import sys

from ganwidgets.cli import main

sys.exit(main())
