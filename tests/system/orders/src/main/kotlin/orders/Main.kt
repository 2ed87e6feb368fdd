// SPDX-License-Identifier: Apache-2.0
/*
 * orders - the service that tests and the demo measure.
 *
 *	java -jar orders.jar --port N [--seed N]
 *
 * Listens on loopback alone.  The seed decides how long its database takes.
 */
package orders

import io.ktor.http.HttpStatusCode
import io.ktor.serialization.kotlinx.json.json
import io.ktor.server.application.Application
import io.ktor.server.application.install
import io.ktor.server.engine.embeddedServer
import io.ktor.server.netty.Netty
import io.ktor.server.plugins.BadRequestException
import io.ktor.server.plugins.contentnegotiation.ContentNegotiation
import io.ktor.server.request.receive
import io.ktor.server.response.respond
import io.ktor.server.routing.RoutingCall
import io.ktor.server.routing.get
import io.ktor.server.routing.post
import io.ktor.server.routing.routing
import kotlin.system.exitProcess

private const val LINES_MAX = 1_000

fun main(args: Array<String>) {
	val port = option(args, "--port")
		?: usage("--port is missing")
	val seed = option(args, "--seed") ?: 1L

	if (port !in 1..65_535)
		usage("--port $port is not in 1..65535")
	embeddedServer(Netty, port.toInt(), host = "127.0.0.1") {
		orders(Database(seed))
	}.start(wait = true)
}

fun Application.orders(database: Database) {
	val health = Health("up",
		Database::class.java.`package`.implementationVersion ?: "none")

	install(ContentNegotiation) { json() }
	routing {
		get("/healthz") { call.respond(health) }
		get("/orders/{id}") {
			val order = call.id()?.let { database.order(it) }

			if (order == null)
				call.fail(HttpStatusCode.NotFound, "no such order")
			else
				call.respond(order)
		}
		get("/customers/{id}/orders") {
			val id = call.id()

			if (id == null)
				call.fail(HttpStatusCode.NotFound, "no such customer")
			else
				call.respond(database.summaries(id))
		}
		post("/orders") {
			val draft = call.draft()

			if (draft == null)
				call.fail(HttpStatusCode.BadRequest, "not an order")
			else
				call.respond(HttpStatusCode.Created,
					database.insert(draft))
		}
	}
}

private fun RoutingCall.id() = parameters["id"]?.toLongOrNull()

/* The draft in the body, or null where it is not one. */
private suspend fun RoutingCall.draft(): Draft? {
	val draft = try {
		receive<Draft>()
	} catch (_: BadRequestException) {
		return null
	}

	return draft.takeIf {
		it.customerId > 0 && it.items.size in 1..LINES_MAX &&
			it.items.all { item -> item.quantity in 1..10_000 }
	}
}

private suspend fun RoutingCall.fail(status: HttpStatusCode, why: String) =
	respond(status, Failure(why))

private fun option(args: Array<String>, name: String): Long? {
	val at = args.indexOf(name)

	if (at < 0)
		return null
	return args.getOrNull(at + 1)?.toLongOrNull()
		?: usage("$name wants a number")
}

private fun usage(why: String): Nothing {
	System.err.println("orders: $why\nusage: orders --port N [--seed N]")
	exitProcess(2)
}
