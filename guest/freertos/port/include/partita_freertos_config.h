/* What the port needs of every FreeRTOSConfig.h, which includes this file. */
#ifndef PARTITA_FREERTOS_CONFIG_H
#define PARTITA_FREERTOS_CONFIG_H

/* Used by nothing: the tick is made from the `time` register, whose rate the device tree tells. */
#define configCPU_CLOCK_HZ 0UL

#ifdef __aarch64__
/* The monitor's interrupts have a priority that the kernel's critical sections keep back: of 32, which is
 * what fits in the upper five bits, all from this one on. */
#define configUNIQUE_INTERRUPT_PRIORITIES 32
#define configMAX_API_CALL_INTERRUPT_PRIORITY 18
#ifndef __ASSEMBLER__
void partita_setup_tick(void);
#endif
#define configSETUP_TICK_INTERRUPT() partita_setup_tick()
/* The timer stays silent until it is set anew. */
#define configCLEAR_TICK_INTERRUPT()
#define configUSE_TASK_FPU_SUPPORT 1
#ifdef PARTITA_GICV2
/* Where the processor's interface of the interrupt controller is, from the device tree. */
#ifndef __ASSEMBLER__
#include <stdint.h>
extern uintptr_t partita_interrupt_interface;
#endif
#define configINTERRUPT_CONTROLLER_BASE_ADDRESS partita_interrupt_interface
#define configINTERRUPT_CONTROLLER_CPU_INTERFACE_OFFSET 0UL
#endif
#endif

/* The tick comes from the SBI's timer; there is no timer in memory. */
#define configMTIME_BASE_ADDRESS 0
#define configMTIMECMP_BASE_ADDRESS 0

#define configTICK_TYPE_WIDTH_IN_BITS TICK_TYPE_WIDTH_64_BITS

/* Everything is allocated before boot: there is no heap, so no allocation can fail. */
#define configSUPPORT_STATIC_ALLOCATION 1
#define configSUPPORT_DYNAMIC_ALLOCATION 0
#define configKERNEL_PROVIDED_STATIC_MEMORY 1

/* The port's idle hook gives the core back to the monitor. */
#define configUSE_IDLE_HOOK 1

/* A failed assertion and a stack overflow stop the partition and say why. */
#define configCHECK_FOR_STACK_OVERFLOW 2
#ifndef __ASSEMBLER__
_Noreturn void partita_assertion_failed(const char *file, unsigned int line);
#endif
/* Older compilers have the whole path only. */
#ifdef __FILE_NAME__
#define PARTITA_FILE_NAME __FILE_NAME__
#else
#define PARTITA_FILE_NAME __FILE__
#endif
#define configASSERT(condition)                                    \
    do {                                                           \
        if (!(condition)) {                                        \
            partita_assertion_failed(PARTITA_FILE_NAME, __LINE__); \
        }                                                          \
    } while (0)

#endif
