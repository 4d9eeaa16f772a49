/* The upstream port's own extension point: a partition has no machine timer of its own and no
 * registers beyond the standard ones. */
#ifndef PARTITA_CHIP_SPECIFIC_EXTENSIONS_H
#define PARTITA_CHIP_SPECIFIC_EXTENSIONS_H

#define portasmHAS_SIFIVE_CLINT 0
#define portasmHAS_MTIME 0
#define portasmADDITIONAL_CONTEXT_SIZE 0

.macro portasmSAVE_ADDITIONAL_REGISTERS
.endm

.macro portasmRESTORE_ADDITIONAL_REGISTERS
.endm

#endif
