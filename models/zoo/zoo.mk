# models/zoo/zoo.mk - training: scripts in Python (docs/ZOO.md); nothing of it is part of the library.
ZOO_SECONDS  ?= 120# of training
ZOO_OUT      ?= build/zoo
ZOO_PACKAGES := torch=python3-torch numpy=python3-numpy cv2=python3-opencv onnx=python3-onnx
zoo-packages:
	$(Q)missing=$$(for p in $(ZOO_PACKAGES); do $(PYTHON) -c "import $${p%=*}" 2>/dev/null || printf ' %s' $${p#*=}; done); \
	[ -z "$$missing" ] || { echo "zoo: please run:  sudo apt-get install$$missing" >&2; exit 1; }
zoo: zoo-packages $(B)/poise                                    ## train a network on drawn scenes for ZOO_SECONDS=120, export, quantise, judge it
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) models/zoo/smoke.py --out $(ZOO_OUT) --poise $(B)/poise --seconds $(ZOO_SECONDS) $(ZOO_ARGS)
.PHONY: zoo zoo-packages
