"""Serial consoles: what fits together, and what looks right and is not."""

import pytest

from xenproof.facts.serial_console import hypervisor_console, kernel_console


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("", ""),
        ("com1=115200,8n1 console=com1,vga", ""),
        ("com1=auto console=com1", ""),
        ("com2=9600,8n1,0x2f8,3 console=vga,com2H", ""),
        ("loglvl=all console=vga", ""),
        # The misprint of the slides.
        ("com1=11520,8n1 console=com1,vga", "com1 has the speed 11520, which no UART has"),
        ("com1=115200,8n1", "com1 is set up but no console"),
        ("com1=115200,8n1 console=com2", "com1 is set up but no console; the console com2 is not set up"),
        ("console=com1,vga", "the console com1 is not set up"),
    ],
)
def test_hypervisor(options: str, problem: str) -> None:
    answer = hypervisor_console(options.split())
    assert answer.yes is not bool(problem)
    assert problem in answer.seen


@pytest.mark.parametrize(
    ("xen", "kernel", "shares_uart", "problem"),
    [
        ("", "root=/dev/sda1", False, ""),
        ("", "console=ttyS0,115200", False, ""),
        ("com1=115200,8n1 console=com1", "console=hvc0 console=tty0", False, ""),
        ("com1=115200,8n1 console=com1", "console=ttyS0,115200", True, ""),
        ("com1=115200,8n1 console=com1", "console=ttyS0,115200", False, "is a UART that the hypervisor has taken"),
        ("", "console=ttyS0,11520", True, "has a speed which no UART has"),
    ],
)
def test_kernel(xen: str, kernel: str, shares_uart: bool, problem: str) -> None:
    answer = kernel_console(xen.split(), kernel.split(), shares_uart=shares_uart)
    assert answer.yes is not bool(problem)
    assert problem in answer.seen
