# make demo   une démonstration complète sur http://localhost:8000
# make test   tout ce qui doit rester vrai
# make cover  ce que les tests traversent
# make bench  la vitesse, à côté d’un étalon (ROWS="stamp", FRESH=1, EXPLAIN=1)
# make check  la porte rapide avant chaque commit
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: demo test cover bench check format dev manage clean

demo: .venv/ready
	@$(BIN)/python -m config.demo

test: .venv/dev-ready check
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST)

cover: .venv/dev-ready
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered $(PYTEST)

bench: .venv/dev-ready
	@$(BIN)/python -m tests.bench

check: .venv/dev-ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/djlint --quiet --lint templates
	@$(BIN)/lint-imports --no-cache > .data/import-linter.txt || (cat .data/import-linter.txt; exit 1)
	@COMPTOIR_MODE=local $(BIN)/mypy apps config
	@COMPTOIR_MODE=local $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run --skip-checks core ops shops accounts audit payments contacts catalog review imports audience messaging invoicing legal wallet loyalty counter club campaigns analytics > /dev/null

format: .venv/dev-ready
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

# make manage CMD="shell"
manage: .venv/ready
	@COMPTOIR_MODE=local $(BIN)/python manage.py $(CMD)

dev: .venv/dev-ready

.venv/ready: requirements.txt
	@echo "· environnement Python et paquets"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@mkdir -p .data && touch $@

.venv/dev-ready: requirements-dev.txt .venv/ready
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .data .venv
