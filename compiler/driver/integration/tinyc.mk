# Rules for GNU make: networks from ONNX files to C.
#
#   TINYC_FLAGS := --target cortex-m4
#   include tinyc.mk
#
# Makes FOLDER/NAME.c and FOLDER/NAME.h of NAME.onnx, which is looked for in this folder and along vpath.
# Names in the C code begin with NAME. What includes the header has to say so: `main.o: NAME.h`.
# Set before the include:
#
#   TINYC        the program [tinyc]
#   TINYC_FLAGS  its options; a target may have its own: `NAME.c: TINYC_FLAGS := --io arena`
#   TINYC_OUT    the FOLDER with a slash at its end, such as build/ [none: this folder]
#
# With --weights=bin in TINYC_FLAGS there is FOLDER/NAME_weights.bin too, which the assembler finds with
# -IFOLDER among the flags of the C compiler.
#
# The C code is made anew when the model or a file that the model or an option refers to has changed.
#
# `tinyc integration make` prints this file. It needs GNU make 3.81: that one run of tinyc makes two
# or three files is said by a pattern rule, which every version reads so.

TINYC ?= tinyc

tinyc_products := $(TINYC_OUT)%.c $(TINYC_OUT)%.h
ifneq (,$(findstring --weights=bin,$(TINYC_FLAGS)))
tinyc_products += $(TINYC_OUT)%_weights.bin
endif

$(tinyc_products): %.onnx
	$(if $(TINYC_OUT),@mkdir -p $(TINYC_OUT))
	$(TINYC) $< -o $(TINYC_OUT)$*.c -MD -MP $(TINYC_FLAGS)

# Without this, make takes them for intermediate files and removes them.
.PRECIOUS: $(tinyc_products)

-include $(wildcard $(TINYC_OUT)*.c.d)
