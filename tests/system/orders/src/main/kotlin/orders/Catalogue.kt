// SPDX-License-Identifier: Apache-2.0
/*
 * Catalogue - orders made from their number.
 *
 * The same number gives the same order in every instance and every build, and
 * nothing is kept: a million orders cost no memory.  LARGE_PERCENT of them are
 * large, as wholesale orders are.
 */
package orders

import java.math.BigDecimal
import java.time.Instant
import java.util.SplittableRandom

const val LARGE_PERCENT = 3

private val streets = listOf("Mill Lane", "Station Road", "High Street",
	"Quay Street", "Orchard Close", "Castle Hill", "Market Place", "Elm Walk")
private val cities = listOf("Bristol", "Leeds", "Porto", "Ghent", "Uppsala",
	"Graz", "Lyon", "Turku", "Bergen", "Gdansk")
private val countries = listOf("GB", "PT", "BE", "SE", "AT", "FR", "FI", "NO")
private val given = listOf("Ada", "Bruno", "Chika", "Dora", "Emil", "Farah",
	"Goran", "Hana", "Ines", "Jonas", "Katya", "Luis", "Mina", "Noor")
private val family = listOf("Abbot", "Berg", "Costa", "Dahl", "Eriksen", "Fox",
	"Garcia", "Hahn", "Ito", "Jansen", "Kowalski", "Lund", "Moreau", "Novak")
private val adjectives = listOf("oak", "steel", "linen", "matt", "folding",
	"insulated", "brushed", "recycled", "narrow", "wide")
private val nouns = listOf("shelf", "bracket", "lamp", "kettle", "hinge",
	"towel rail", "door mat", "tray", "stool", "planter", "drawer runner")
private val labels = listOf("gift", "fragile", "bulk", "express", "outlet",
	"seasonal", "pre-order", "clearance")
private val taxes = listOf("5.00", "10.00", "20.00", "25.00").map(::BigDecimal)

object Catalogue {
	fun order(id: Long): Order {
		val random = SplittableRandom(id)
		val lines = lineCount(id)
		val home = address(random)

		return Order(
			id = id,
			placedAt = placedAt(random),
			status = random.of(Status.entries),
			customer = customer(random.nextLong(1, 50_000)),
			shipTo = home,
			billTo = if (random.nextInt(5) == 0) address(random) else home,
			items = List(lines) { item(random) },
			tags = tags(random),
			note = if (random.nextInt(4) == 0) "Leave with a neighbour." else null,
		)
	}

	fun summaries(customerId: Long): List<OrderSummary> {
		val random = SplittableRandom(customerId)

		return List(random.nextInt(2, 16)) {
			OrderSummary(
				id = random.nextLong(1, 1_000_000),
				placedAt = placedAt(random),
				status = random.of(Status.entries),
				lines = random.nextInt(1, 9),
				total = cents(random.nextLong(500, 90_000)),
			)
		}
	}

	fun customer(id: Long): Customer {
		val random = SplittableRandom(id)
		val first = random.of(given)
		val last = random.of(family)

		return Customer(
			id = id,
			name = "$first $last",
			email = "${first.lowercase()}.${last.lowercase()}$id@example.org",
			since = placedAt(random).substring(0, 10),
			loyaltyPoints = random.nextInt(20_000),
		)
	}

	/* The article that a draft names: price and tax are ours to say. */
	fun article(sku: String, quantity: Int): LineItem =
		item(SplittableRandom(sku.hashCode().toLong()))
			.copy(sku = sku, quantity = quantity)

	/* 2 to 12 lines; 620 to 840 where the order is a large one. */
	fun lineCount(id: Long): Int {
		val random = SplittableRandom(id.inv())

		return if (random.nextInt(100) < LARGE_PERCENT)
			random.nextInt(620, 841)
		else
			random.nextInt(2, 13)
	}

	fun address(random: SplittableRandom) = Address(
		street = "${random.nextInt(1, 200)} ${random.of(streets)}",
		city = random.of(cities),
		postcode = random.nextInt(10_000, 99_999).toString(),
		country = random.of(countries),
	)

	private fun item(random: SplittableRandom) = LineItem(
		sku = "SKU-${random.nextInt(100_000, 999_999)}",
		name = "${random.of(adjectives)} ${random.of(nouns)}",
		quantity = random.nextInt(1, 6),
		unitPrice = cents(random.nextLong(99, 24_999)),
		taxPercent = random.of(taxes),
		tags = tags(random),
	)

	private fun tags(random: SplittableRandom) =
		List(random.nextInt(3)) { random.of(labels) }

	private fun cents(n: Long) = BigDecimal.valueOf(n, 2)

	private fun placedAt(random: SplittableRandom) =
		Instant.ofEpochSecond(random.nextLong(1_600_000_000, 1_760_000_000))
			.toString()

	private fun <T> SplittableRandom.of(list: List<T>) = list[nextInt(list.size)]
}
