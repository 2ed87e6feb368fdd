// SPDX-License-Identifier: Apache-2.0

import java.util.function.IntBinaryOperator;

/** Burns CPU where a profile can be held against the truth: nine parts of ten in hotMethod. */
public class Burner {
	static volatile long sink;

	static long hotMethod(int n) {
		long sum = 0;
		for (int i = 0; i < n; i++)
			sum += (sum ^ i) % 7;
		return sum;
	}

	static long coldMethod(int n) {
		long sum = 0;
		for (int i = 0; i < n; i++)
			sum += (sum ^ i) % 7;
		return sum;
	}

	static void work(IntBinaryOperator op) {
		sink += hotMethod(9000);
		sink += coldMethod(1000);
		sink += op.applyAsInt(3, 4);
	}

	public static void main(String[] args) {
		IntBinaryOperator op = (a, b) -> a * 31 + b;
		for (;;)
			work(op);
	}
}
