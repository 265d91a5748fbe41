/* SPDX-License-Identifier: MIT
 *
 * Preloaded into the interpreter together with ThreadSanitizer. The detector
 * follows longjmp(), with which Lua raises its errors, but not the checked
 * variant that distributors compile Lua with: its shadow of the call stack
 * would grow with every error, until it breaks down.
 *
 * Compiled for the detector, this library also starts it before the program
 * begins: a shell, which calls setjmp() first of all, would otherwise crash.
 */
#include <setjmp.h>

_Noreturn void __longjmp_chk(jmp_buf there, int value);

_Noreturn void __longjmp_chk(jmp_buf there, int value)
{
    longjmp(there, value);
}
