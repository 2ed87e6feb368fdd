// SPDX-License-Identifier: Apache-2.0
/*
 * LineItemsSerializer - the lines of an order, each with the sum so far.
 *
 * The sum is carried from line to line: the work is linear in the lines.
 */
package orders

import java.math.BigDecimal
import java.math.RoundingMode
import kotlinx.serialization.KSerializer
import kotlinx.serialization.builtins.ListSerializer
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder

object LineItemsSerializer : KSerializer<List<LineItem>> {
	private val rows = ListSerializer(LineItemRow.serializer())
	private val hundred = BigDecimal(100)

	override val descriptor = rows.descriptor

	override fun serialize(encoder: Encoder, value: List<LineItem>) {
		var sum = BigDecimal.ZERO

		encoder.encodeSerializableValue(rows, value.map { item ->
			sum += total(item)
			row(item, sum)
		})
	}

	override fun deserialize(decoder: Decoder): List<LineItem> =
		decoder.decodeSerializableValue(rows).map {
			LineItem(it.sku, it.name, it.quantity, it.unitPrice,
				it.taxPercent, it.tags)
		}

	private fun row(item: LineItem, sum: BigDecimal) =
		LineItemRow(item.sku, item.name, item.quantity, item.unitPrice,
			item.taxPercent, item.tags, total(item), sum)

	/* A line with its tax, rounded as the invoice rounds it. */
	fun total(item: LineItem): BigDecimal {
		val net = item.unitPrice.multiply(item.quantity.toBigDecimal())
		val tax = net.multiply(item.taxPercent)
			.divide(hundred, 2, RoundingMode.HALF_UP)

		return net.add(tax)
	}
}
