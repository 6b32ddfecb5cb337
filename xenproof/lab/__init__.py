"""The lab: nested Xen hosts that xenproof builds and boots itself, in plain QEMU."""
