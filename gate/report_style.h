/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_style - how the pages look: one style sheet, put into each page.
 *
 * Light and dark by the reader's setting.  Every text has a contrast of at
 * least 4.5 to what is behind it, every mark one of 3.  Baseline is blue and
 * canary orange, which the colour-blind tell apart; form says the same.
 */
#ifndef GATE_REPORT_STYLE_H
#define GATE_REPORT_STYLE_H

extern const char report_style[];

#endif /* GATE_REPORT_STYLE_H */
