/* Included before every C file: a partition is one image, so no symbol is looked up at run time. */
#ifndef __ASSEMBLER__
#pragma GCC visibility push(hidden)
#endif
