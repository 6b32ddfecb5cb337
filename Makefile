# Each target installs what it needs and this machine lacks (scripts/setup), then does its job.
.PHONY: help conform matrix test releases fuzz many mutants bench lint types

help:
	@echo "make conform   check a real Xen dom0 in the lab; the report is reports/latest/report.html"
	@echo "make matrix    the same with the full matrix of guests: every kind of disk, some minutes more"
	@echo "make test      test xenproof itself"
	@echo "make releases  the lab hosts of all releases, with the full matrix of guests on each: before a release"
	@echo "make fuzz      try to break the readers of what hosts and files say: four minutes, FUZZ_SECONDS=10 for each"
	@echo "make many      a hundred small guests at once on one lab host, and one after another: an hour"
	@echo "make mutants   break each value of each profile on recordings, and see that its check says so"
	@echo "make bench     ask one lab host the same questions by xenproof and by plain testinfra: the ratio of their times"
	@echo "make lint      ruff: rules and format"
	@echo "make types     mypy, strict"

conform:
	@scripts/setup conform
	@.venv/bin/pytest -n 2 --dist loadgroup -m "not matrix" --profile debian12 --hosts lab://debian12 tests/host tests/guest

# -n 3: two guests that boot keep two processors busy, and a third hides what the others wait for.
matrix:
	@scripts/setup conform
	@.venv/bin/pytest -n 3 --dist loadgroup --profile debian12 --hosts lab://debian12 tests/host tests/guest

# One lab host at a time: two that run guests on two cores without KVM get in each other's way so much that neither
# gets anywhere, and two that only boot and are read take twice as long as one after the other.  What needs no host gets
# what that leaves of the processors, and says at its end how it went.
test:
	@scripts/setup test
	@$(MAKE) --no-print-directory --jobs 2 hostless-tests lab-tests

.PHONY: hostless-tests lab-tests
# Those that install images of their own first, while the image of the others is installed.
hostless-tests:
	@.venv/bin/python -m selftest.beside .venv/bin/pytest -n 2 -m "hostless or not lab" selftest/lab selftest

lab-tests:
	@.venv/bin/xenproof lab build debian12
	@.venv/bin/pytest -m "not hostless and not releases" --durations 40 --durations-min 5 selftest/lab

# A hundred of 128 MiB, dom0, and what Xen takes.
many:
	@scripts/setup conform
	@.venv/bin/pytest -m many --profile debian12 --hosts lab://debian12 --lab-memory 16384 tests/guest

# What `make test` leaves out, as it takes an hour more, five minutes of it for each further host: before a release.
releases:
	@$(MAKE) --no-print-directory fuzz
	@scripts/setup test
	@.venv/bin/pytest -m releases selftest/lab
	@status=0; for release in debian11 debian12 debian13; do \
	  .venv/bin/pytest -n 3 --dist loadgroup --report=reports/$$release --profile $$release --hosts lab://$$release \
	    tests/host tests/guest || status=1; \
	done; exit $$status

# Guided by coverage, so it needs atheris; what it found stands below build/fuzz.
FUZZ_SECONDS = 10
fuzz:
	@scripts/setup fuzz
	@.venv/bin/python -m selftest.fuzz --seconds $(FUZZ_SECONDS)

# Every value of every profile, broken: the check that is named for it has to fail.
mutants:
	@scripts/setup test
	@.venv/bin/python -m selftest.mutants

# Minutes, most of them plain testinfra's.
bench:
	@scripts/setup test
	@.venv/bin/python -m selftest.bench

lint:
	@scripts/setup check
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

types:
	@scripts/setup check
	@.venv/bin/mypy
