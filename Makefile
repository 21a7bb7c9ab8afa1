PYTHON ?= python3
VENV ?= .venv
TESTS ?= tests
RUN = $(VENV)/bin/python

.PHONY: quickstart test lint benchmark clean

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(RUN) -m pip install --quiet -r requirements-dev.txt
	touch $@

quickstart: $(VENV)/installed
	$(RUN) train.py
	$(RUN) evaluate.py runs/quickstart
	$(RUN) -m export.saved_model runs/quickstart
	$(RUN) -m export.tflite runs/quickstart
	@echo
	@echo "Next: look at the run        $(RUN) -m videorec.tools.tensorboard"
	@echo "      the confusion matrix   runs/quickstart/confusion.png"
	@echo "      the exported models    runs/quickstart/saved_model, runs/quickstart/model.tflite"
	@echo "      a new video            $(RUN) predict.py runs/quickstart my.mp4"
	@echo "      your own videos        $(RUN) train.py lrcn --data.path videos/"

test: $(VENV)/installed-dev
	$(RUN) -m pytest -n 2 --dist worksteal $(TESTS)

lint: $(VENV)/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(VENV)/bin/lint-imports --no-logo --no-cache

benchmark: $(VENV)/installed
	$(RUN) -m videorec.tools.benchmark

clean:
	rm -rf $(VENV) runs
