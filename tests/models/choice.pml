/* SPDX-License-Identifier: MIT
 *
 * Which scenario is played, and which mistake is made (0: none): chosen when
 * the checker starts, so that it is compiled once for a whole model. The names
 * of scenarios and mistakes are conditions on these: see check.lua.
 */
byte scenario;
byte mistake;

inline choose()
{
    c_code {
        now.scenario = (uchar)atoi(getenv("SCENARIO"));
        now.mistake = (uchar)atoi(getenv("MISTAKE"));
    }
}
