/* SPDX-License-Identifier: MIT */
#include "switch.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && !defined(FIBER_UCONTEXT)

/* What a function must leave as it was, and the way back. */
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".type fiber_switch,@function\n"
        "fiber_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq (%rsi), %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size fiber_switch,.-fiber_switch\n");

/* Six registers, the way back, and what main() would return to. */
void fiber_make(struct fiber_context *fiber, void *stack, size_t size,
                void (*main)(void))
{
    uintptr_t *top = (uintptr_t *)(((uintptr_t)stack + size) & ~(uintptr_t)15);

    memset(top - 8, 0, 8 * sizeof *top);
    top[-2] = (uintptr_t)main;
    fiber->stack_pointer = top - 8;
}

#elif defined(__aarch64__) && !defined(FIBER_UCONTEXT)

__asm__(".text\n"
        ".globl fiber_switch\n"
        ".type fiber_switch,%function\n"
        "fiber_switch:\n"
        "    stp x19, x20, [sp, #-160]!\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    ldr x9, [x1]\n"
        "    mov sp, x9\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    ldp x19, x20, [sp], #160\n"
        "    ret\n"
        ".size fiber_switch,.-fiber_switch\n");

void fiber_make(struct fiber_context *fiber, void *stack, size_t size,
                void (*main)(void))
{
    uintptr_t *top = (uintptr_t *)(((uintptr_t)stack + size) & ~(uintptr_t)15);

    memset(top - 20, 0, 20 * sizeof *top);
    top[-20 + 11] = (uintptr_t)main;
    fiber->stack_pointer = top - 20;
}

#else

#include <ucontext.h>

/* The context lies at the top of the stack; that of whoever is no fiber in a
 * variable. */
static ucontext_t no_fiber;

void fiber_make(struct fiber_context *fiber, void *stack, size_t size,
                void (*main)(void))
{
    ucontext_t *context =
        (ucontext_t *)(((uintptr_t)stack + size - sizeof *context) &
                       ~(uintptr_t)63);

    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = (size_t)((char *)context - (char *)stack);
    context->uc_link = NULL;
    makecontext(context, main, 0);
    fiber->stack_pointer = context;
}

void fiber_switch(struct fiber_context *from, const struct fiber_context *to)
{
    if (from->stack_pointer == NULL)
        from->stack_pointer = &no_fiber;
    swapcontext(from->stack_pointer, to->stack_pointer);
}

#endif
