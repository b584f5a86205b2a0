.PHONY: run test demo lint
