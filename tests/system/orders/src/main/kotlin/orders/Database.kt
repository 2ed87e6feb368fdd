// SPDX-License-Identifier: Apache-2.0
/*
 * Database - the time a database would take, and the rows it would return.
 *
 * The wait is a suspended coroutine: no thread is held and no CPU is used.
 * How long is drawn from a lognormal distribution, by a generator that the
 * instance was seeded with, plus what the rows of the answer add.
 */
package orders

import java.math.BigDecimal
import java.time.Instant
import java.util.Random
import java.util.concurrent.atomic.AtomicLong
import kotlin.math.exp
import kotlin.math.min
import kotlinx.coroutines.delay

private const val MEDIAN_MS = 20.0
private const val SIGMA = 0.28 /* P99 of the wait alone: 38 ms */
private const val ROW_MS = 0.03
private const val LONGEST_MS = 250.0

class Database(seed: Long) {
	private val random = Random(seed)
	private val nextId = AtomicLong(1_000_000)

	suspend fun order(id: Long): Order? {
		if (id !in 1..999_999) {
			query(0)
			return null
		}
		query(Catalogue.lineCount(id))
		return Catalogue.order(id)
	}

	suspend fun summaries(customerId: Long): List<OrderSummary> =
		Catalogue.summaries(customerId).also { query(it.size) }

	suspend fun insert(draft: Draft): Order {
		val id = nextId.getAndIncrement()
		val home = Catalogue.order(draft.customerId).shipTo

		query(draft.items.size)
		return Order(
			id = id,
			placedAt = Instant.now().toString(),
			status = Status.PLACED,
			customer = Catalogue.customer(draft.customerId),
			shipTo = home,
			billTo = home,
			items = draft.items.map { Catalogue.article(it.sku, it.quantity) },
			tags = emptyList(),
			note = draft.note,
		)
	}

	private suspend fun query(rows: Int) {
		val ms = MEDIAN_MS * exp(SIGMA * gaussian()) + ROW_MS * rows

		delay(min(ms, LONGEST_MS).toLong())
	}

	/* java.util.Random is safe to share, and contention here is nil. */
	private fun gaussian() = random.nextGaussian()
}
