// SPDX-License-Identifier: Apache-2.0
/*
 * Model - what an order is, and how it looks as JSON.
 *
 * Money is decimal all the way and a string on the wire, as it has to be; how
 * the lines of an order are written is LineItemsSerializer's, the one class in
 * which the two flavours of this service differ.
 */
package orders

import java.math.BigDecimal
import kotlinx.serialization.KSerializer
import kotlinx.serialization.Serializable
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder

@Serializable
enum class Status { PLACED, PAID, PACKED, SHIPPED, DELIVERED, RETURNED }

@Serializable
data class Address(
	val street: String,
	val city: String,
	val postcode: String,
	val country: String,
)

@Serializable
data class Customer(
	val id: Long,
	val name: String,
	val email: String,
	val since: String,
	val loyaltyPoints: Int,
)

/* One line as it is kept.  Totals are worked out when it is written. */
data class LineItem(
	val sku: String,
	val name: String,
	val quantity: Int,
	val unitPrice: BigDecimal,
	val taxPercent: BigDecimal,
	val tags: List<String>,
)

/* One line as it is sent. */
@Serializable
data class LineItemRow(
	val sku: String,
	val name: String,
	val quantity: Int,
	@Serializable(with = MoneySerializer::class) val unitPrice: BigDecimal,
	@Serializable(with = MoneySerializer::class) val taxPercent: BigDecimal,
	val tags: List<String>,
	@Serializable(with = MoneySerializer::class) val lineTotal: BigDecimal,
	@Serializable(with = MoneySerializer::class) val runningTotal: BigDecimal,
)

@Serializable
data class Order(
	val id: Long,
	val placedAt: String,
	val status: Status,
	val customer: Customer,
	val shipTo: Address,
	val billTo: Address,
	@Serializable(with = LineItemsSerializer::class) val items: List<LineItem>,
	val tags: List<String>,
	val note: String?,
)

/* What GET /customers/{id}/orders lists: no lines, so never a large answer. */
@Serializable
data class OrderSummary(
	val id: Long,
	val placedAt: String,
	val status: Status,
	val lines: Int,
	@Serializable(with = MoneySerializer::class) val total: BigDecimal,
)

/* What POST /orders takes. */
@Serializable
data class Draft(
	val customerId: Long,
	val items: List<DraftItem>,
	val note: String? = null,
)

@Serializable
data class DraftItem(val sku: String, val quantity: Int)

@Serializable
data class Health(val status: String, val revision: String)

@Serializable
data class Failure(val error: String)

/* An amount as its decimal digits: "12.90". */
object MoneySerializer : KSerializer<BigDecimal> {
	override val descriptor =
		PrimitiveSerialDescriptor("orders.Money", PrimitiveKind.STRING)

	override fun serialize(encoder: Encoder, value: BigDecimal) =
		encoder.encodeString(value.toPlainString())

	override fun deserialize(decoder: Decoder) =
		BigDecimal(decoder.decodeString())
}
